"""Training for a contest: what it cost in seconds of the processor, and what it had learnt at every mark."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from shapewright.atomic_file import replacing
from shapewright.training.learner import Learner, Objective
from shapewright.training.loop import LoopConfig
from shapewright.training.processes import accelerator

__all__ = ["Mark", "load_mark", "marks_between", "read_marks", "seconds_a_step", "train_to_marks"]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """After `step` steps: seconds of the processor that they took, and their mean loss since the last mark.

    Seconds of the processor, because others' programs share the machine: they make a run longer, not dearer.
    """

    step: int
    cpu_s: float
    loss: float


def marks_between(steps: int, count: int) -> list[int]:
    """`count` marks up to `steps`, each after twice as many steps as the one before."""
    return [max(1, round(steps / 2 ** (count - 1 - i))) for i in range(count)]


def train_to_marks(objective: Objective, config: LoopConfig, run: Path, marks: Sequence[int]) -> list[Mark]:
    """Train, or go on from the last mark; the averaged model of every mark is kept, for `load_mark`."""
    learner = Learner(objective, config, accelerator())
    first = learner.resume(run)
    found = [mark for mark in read_marks(run) if mark.step <= first]
    cpu_s, losses = found[-1].cpu_s if found else 0.0, list[float]()
    for step in range(first, config.steps):
        began = time.process_time()
        losses.append(learner.step(step, learner.pieces(step))["loss"])
        cpu_s += time.process_time() - began
        if step + 1 in marks:
            found.append(Mark(step=step + 1, cpu_s=cpu_s, loss=sum(losses) / len(losses)))
            keep_mark(run, learner, found)
            print(f"{run.name}: {found[-1]}", flush=True)
            losses.clear()
    return found


def keep_mark(run: Path, learner: Learner, marks: Sequence[Mark]) -> None:
    with replacing(run / f"mark-{marks[-1].step:06d}.safetensors") as temporary:
        save_file(learner.ema.average.state_dict(), temporary)
    with replacing(run / "marks.json") as temporary:
        temporary.write_text(json.dumps([asdict(mark) for mark in marks], indent=1), encoding="utf-8")
    learner.save(run, marks[-1].step)  # last, as what is gone on from


def read_marks(run: Path) -> list[Mark]:
    path = run / "marks.json"
    told: list[Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [Mark(**mark) for mark in told]


def load_mark(model: nn.Module, run: Path, step: int) -> None:
    """Give `model` the averaged weights that it had after `step` steps, ready for use."""
    model.load_state_dict(load_file(run / f"mark-{step:06d}.safetensors"))
    model.eval().requires_grad_(False)


def seconds_a_step(objective: Objective, config: LoopConfig, steps: int = 5) -> float:
    """Of the processor: the median of some steps, after one that warms up. The model is not to be used."""
    learner = Learner(objective, config, accelerator())
    found: list[float] = []
    for step in range(steps + 1):
        began = time.process_time()
        learner.step(step, learner.pieces(step))
        found.append(time.process_time() - began)
    return median(found[1:])
