"""The training loop: one for every objective, on one process or on many.

An objective holds the model, makes batch number `step` and turns it into a loss. Everything that is
random in a step follows from (seed, step), so a run that was killed and resumed gives the same losses.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from shapewright.training.batches import Prefetcher
from shapewright.training.early_stopping import restore_best
from shapewright.training.interruption import stop_signal
from shapewright.training.learner import Learner, NotFiniteError, Objective, make_optimizer
from shapewright.training.loop_config import LoopConfig
from shapewright.training.processes import accelerator, gathered
from shapewright.training.run_settings import keep_settings
from shapewright.training.sharding import whole_module
from shapewright.training.tracker import Tracker
from shapewright.training.watcher import Judge, Watcher, check_judge

__all__ = ["LoopConfig", "Objective", "Progress", "make_optimizer", "train"]

Progress = Callable[[int, int, dict[str, float]], None]


def train(
    objective: Objective,
    config: LoopConfig,
    run: Path,
    *,
    settings: Any,
    inputs: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    judge: Judge | None = None,
    tensorboard: bool = True,
    wandb: bool = False,
    keep: bool = True,
) -> nn.Module:
    """Train, or go on training, in the folder `run`; returns the averaged model, to every process.

    settings: the recipe as a dataclass. inputs: hashes of what is trained on, by name. Both are kept in
    RUN/config.json, and on resuming they must be the same. Only the main process writes and tells progress.
    judge: looks at the averaged model as often as the config says; where there is patience, the best by its
    loss is returned. Without `keep` no checkpoint is written.
    Raises: CheckpointError if RUN holds another recipe's run, or one on other inputs; ConfigError on
    non-finite losses, naming the assets, or a batch that cannot be shared out.
    """
    check_judge(config, judge)
    processes = accelerator()
    run.mkdir(parents=True, exist_ok=True)
    keep_settings(run, settings, inputs or {}, write=processes.is_main_process)
    learner = Learner(objective, config, processes)
    first = done = learner.resume(run)
    tracker = watcher = None
    if processes.is_main_process:
        tracker = Tracker(run, first, batch_size=config.batch_size, tensorboard=tensorboard, wandb=wandb)
        watcher = Watcher(run, tracker, config, first=first, judge=judge)

    def look(done: int) -> bool:
        """Let the main process look at the average where that is due; whether patience ran out."""
        if not config.looks_at(done):
            return False
        average = whole_module(learner.ema.average)
        return gathered(watcher is not None and watcher.look(done, average))[0]

    prefetcher = Prefetcher(learner.pieces, first, config.steps)
    saved_at = time.monotonic()
    # a checkpoint is a common work: not after an error that only one of several processes knows of
    together = processes.num_processes == 1
    try:
        with stop_signal() as stopped:
            # a process may have ended after its checkpoint without a look at it
            enough = first > 0 and look(first)
            for step, pieces in prefetcher if first < config.steps and not enough else ():
                began = time.monotonic()
                values = learner.step(step, pieces)
                done = step + 1
                if tracker is not None:
                    tracker.log(step, {**values, "seconds": time.monotonic() - began})
                    if progress is not None:
                        progress(done, config.steps, values)
                enough = look(done)
                stop, due = agreed(stopped(), time.monotonic() - saved_at > config.checkpoint_every_s)
                if due and keep and not stop:
                    learner.save(run, done)
                    saved_at = time.monotonic()
                if stop:
                    together = True
                    raise KeyboardInterrupt
                if enough:
                    break
        together = True
    except NotFiniteError:
        together = True
        raise
    finally:
        prefetcher.close()
        if tracker is not None:
            tracker.close()
        if done > first and together and keep:
            learner.save(run, done)
    best = gathered(watcher and watcher.best_step)[0]  # and with it wait for everyone
    return restore_best(run, best, whole_module(learner.ema.average))


def agreed(stop: bool, due: bool) -> tuple[bool, bool]:
    """Whether all stop (as any wants), and whether all save (as the main process wants)."""
    wishes = gathered((stop, due))
    return any(stop for stop, _ in wishes), wishes[0][1]
