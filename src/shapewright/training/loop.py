"""The training loop: one for every objective.

An objective holds the model, makes batch number `step` and turns it into a loss. Everything that is
random in a step follows from (seed, step), so a run that was killed and resumed gives the same losses.
"""

import json
import math
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from shapewright.config import to_dict
from shapewright.errors import CheckpointError, ConfigError
from shapewright.training.batches import Prefetcher
from shapewright.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
from shapewright.training.ema import ExponentialMovingAverage
from shapewright.training.learning_rate import warmup_cosine
from shapewright.training.muon import MuonAdamW, split_parameters
from shapewright.training.tracker import Tracker
from shapewright.training.watcher import Judge, Watcher, Watching

__all__ = ["LoopConfig", "Objective", "Progress", "train"]


@dataclass(frozen=True, kw_only=True)
class LoopConfig(Watching):
    """How a model is optimised. `precision` bf16 is autocast; weights and moments stay fp32.

    `table_rate` multiplies the learning rate of a table of latents. How often the run is looked at stands
    in `Watching`.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 200
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    table_rate: float = 10.0
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    optimizer: Literal["adamw", "muon"] = "adamw"
    precision: Literal["fp32", "bf16"] = "bf16"
    seed: int = 0
    checkpoint_every_s: float = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps < 1 or self.batch_size < 1:
            raise ConfigError(f"steps and batch_size must be positive, got {self.steps}, {self.batch_size}")


@runtime_checkable
class Objective(Protocol):
    """What is trained."""

    @property
    def model(self) -> nn.Module: ...

    def batch(self, step: int) -> Any: ...

    def losses(self, model: nn.Module, batch: Any, generator: torch.Generator) -> dict[str, Tensor]:
        """Named losses; `loss` is the one that is minimised."""
        ...

    def asset_names(self, batch: Any) -> list[str]: ...


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
    """Train, or go on training, in the folder `run`; returns the averaged model.

    settings: the recipe as a dataclass. inputs: hashes of what is trained on, by name. Both are kept in
    RUN/config.json, and on resuming they must be the same. judge: looks at the averaged model as often as
    the config says; where there is patience, the best by its loss is returned. Without `keep` no checkpoint
    is written.
    Raises: CheckpointError if RUN holds another recipe's run, or one on other inputs; ConfigError on
    non-finite losses, naming the assets.
    """
    run.mkdir(parents=True, exist_ok=True)
    keep_settings(run, settings, inputs or {})
    # its own mixed precision is one for all runs of a process, hence `autocast` below
    accelerator = Accelerator(mixed_precision="no")
    objective.model.to(accelerator.device)
    ema = ExponentialMovingAverage(objective.model, config.ema_decay)
    optimizer = make_optimizer(objective.model, config)
    found = latest_checkpoint(run)
    first = load_checkpoint(found, model=objective.model, ema=ema, optimizer=optimizer) if found else 0
    model, optimizer = accelerator.prepare(objective.model, optimizer)

    def save(step: int) -> None:
        if not keep:
            return
        plain = accelerator.unwrap_model(model)
        save_checkpoint(run, step, model=plain, ema=ema, optimizer=optimizer.optimizer)

    tracker = Tracker(run, first, batch_size=config.batch_size, tensorboard=tensorboard, wandb=wandb)
    bf16 = config.precision == "bf16"
    watcher = Watcher(
        run, tracker, ema.average, config, first=first, steps=config.steps, judge=judge, bf16=bf16
    )
    prefetcher = Prefetcher(objective.batch, first, config.steps)
    saved_at, done = time.monotonic(), first
    try:
        with stop_signal() as stopped:
            for step, batch in prefetcher if watcher.goes_on(first) else ():
                began = time.monotonic()
                values = take_step(accelerator, objective, model, optimizer, batch, step, config)
                ema.update(accelerator.unwrap_model(model), step)
                done = step + 1
                tracker.log(step, {**values, "seconds": time.monotonic() - began})
                if progress is not None:
                    progress(done, config.steps, values)
                enough = watcher.look(done)
                if time.monotonic() - saved_at > config.checkpoint_every_s:
                    save(done)
                    saved_at = time.monotonic()
                if stopped():
                    raise KeyboardInterrupt
                if enough:
                    break
    finally:
        prefetcher.close()
        tracker.close()
        if done > first:
            save(done)
    return watcher.chosen()


def take_step(
    accelerator: Accelerator,
    objective: Objective,
    model: nn.Module,
    optimizer: Any,
    batch: Any,
    step: int,
    config: LoopConfig,
) -> dict[str, float]:
    """One optimisation step; returns its losses, gradient norm and learning rate."""
    rate = config.learning_rate * warmup_cosine(
        step, warmup_steps=config.warmup_steps, total_steps=config.steps
    )
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("lr_scale", 1.0)
    generator = torch.Generator(device=accelerator.device).manual_seed(config.seed * 1_000_003 + step)
    model.train()
    with torch.autocast(accelerator.device.type, torch.bfloat16, enabled=config.precision == "bf16"):
        losses = objective.losses(model, batch, generator)
    values = {name: float(value.detach()) for name, value in losses.items()}
    if not math.isfinite(values["loss"]):
        names = ", ".join(objective.asset_names(batch))
        raise ConfigError(f"The loss of step {step} is not finite ({values}); its assets were: {names}.")
    accelerator.backward(losses["loss"])
    norm = accelerator.clip_grad_norm_(model.parameters(), config.gradient_clip)
    if norm is not None and not math.isfinite(float(norm)):
        names = ", ".join(objective.asset_names(batch))
        raise ConfigError(f"A gradient of step {step} is not finite; its assets were: {names}.")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {**values, "gradient_norm": float(norm if norm is not None else math.nan), "learning_rate": rate}


def make_optimizer(model: nn.Module, config: LoopConfig) -> torch.optim.Optimizer:
    """AdamW with weight decay on matrices only; the hidden layers' matrices by Muon where asked for."""
    split = split_parameters(model)
    decay = {"weight_decay": config.weight_decay}
    groups: list[dict[str, Any]] = [
        {"params": split.hidden, "rule": config.optimizer, "momentum": 0.95, **decay},
        {"params": split.matrices, "rule": "adamw", **decay},
        {"params": split.vectors, "rule": "adamw", "weight_decay": 0.0},
        {"params": split.tables, "rule": "rows", "lr_scale": config.table_rate, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return MuonAdamW(groups, lr=config.learning_rate, betas=config.betas, fused=True)


def keep_settings(run: Path, settings: Any, inputs: Mapping[str, str]) -> None:
    """Write RUN/config.json, or check that the one there is the same but for the number of steps."""
    path, wanted = run / "config.json", {**to_dict(settings), "inputs": dict(inputs)}
    if path.exists():
        there = read_settings(path)
        before = there.get("inputs", {})
        names = dict.fromkeys([*inputs, *before])
        if differing := [name for name in names if before.get(name) != inputs.get(name)]:
            raise CheckpointError(
                f"{run} holds a run that was begun with another {' and another '.join(differing)}; "
                "choose another folder for --out."
            )
        if differing := [k for k in wanted if without_steps(there.get(k)) != without_steps(wanted[k])]:
            raise CheckpointError(
                f"{run} holds a run with other settings ({', '.join(differing)}); "
                "choose another folder for --out."
            )
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise CheckpointError(f"'{path}' does not hold a run's settings; choose another folder for --out.")
    return settings


def without_steps(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "steps"} if isinstance(value, dict) else value


@contextmanager
def stop_signal() -> Generator[Callable[[], bool]]:
    """Within this, Ctrl-C and SIGTERM ask for a stop after the current step."""
    asked: list[int] = []
    previous: dict[signal.Signals, Any] = {}
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[name] = signal.signal(name, lambda number, _: asked.append(number))
        except ValueError:  # not in the main thread: whoever runs us handles signals
            break
    try:
        yield lambda: bool(asked)
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
