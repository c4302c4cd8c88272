"""A training rehearsed: its model built, up to three real steps taken, what it will cost, nothing kept."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from torch import nn

from shapewright.training.loop import LoopConfig, Objective, train
from shapewright.training.muon import split_parameters
from shapewright.training.pace import forget_peak, peak_memory
from shapewright.training.processes import accelerator, gathered
from shapewright.training.watcher import Judge

__all__ = ["DryRun", "Expectation", "MemoryNeeds", "Rehearsed"]

STEPS = 3
# A step that takes this long is measured only once.
LONG_S = 20.0
FP32_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class MemoryNeeds:
    """Bytes: what follows from the sizes, and the highest measured in real steps, of `peak_of`.

    The process's peak holds the data set, the program and the activations too.
    """

    weights: int
    gradients: int
    moments: int
    average: int
    peak: int
    peak_of: str

    @property
    def states(self) -> int:
        """What the model and its optimiser take, without activations."""
        return self.weights + self.gradients + self.moments + self.average


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What a training will take. `parts` are the model's own parts by name, with their parameters.

    `seconds_per_step` is of the fastest of the `measured_steps`: the first also warms up.
    """

    parameters: int
    trainable: int
    parts: dict[str, int]
    memory: MemoryNeeds
    seconds_per_step: float
    measured_steps: int
    steps: int
    batch_size: int

    @property
    def seconds(self) -> float:
        """Of all steps, without looks at the model and checkpoints."""
        return self.seconds_per_step * self.steps


class Rehearsed(Exception):
    """Not an error: ends a whole run after its rehearsal, with what was found."""

    def __init__(self, expectation: Expectation) -> None:
        super().__init__(f"rehearsed {expectation.measured_steps} steps")
        self.expectation = expectation


class Enough(Exception):
    """Enough steps were measured."""


class DryRun:
    """Takes the place of `train` in a whole run; the folder it is given should be a temporary one."""

    def __call__(
        self,
        objective: Objective,
        config: LoopConfig,
        run: Path,
        *,
        settings: Any,
        inputs: Mapping[str, str] | None = None,
        progress: Any = None,
        judge: Judge | None = None,
    ) -> NoReturn:
        """Take a few steps. Raises: Rehearsed, always, with the `Expectation`."""
        few = replace(config, steps=min(STEPS, config.steps), validate_every=0, patience=0, pictures_every=0)
        watch = Stopwatch(alone=accelerator().num_processes == 1)
        forget_peak()
        with suppress(Enough):
            train(
                objective,
                few,
                run,
                settings=settings,
                inputs=inputs,
                progress=watch.step,
                tensorboard=False,
                keep=False,
            )
        peak, peak_of = peak_memory()
        seconds = gathered(watch.seconds)[0]  # only the main process is told of progress
        raise Rehearsed(expectation_of(objective.model, config, seconds, peak, peak_of))


class Stopwatch:
    """Times steps, and stops after one that takes long, if no other process would wait for the next."""

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.seconds: list[float] = []
        self.began = time.monotonic()

    def step(self, done: int, total: int, losses: dict[str, float]) -> None:
        """As a loop's progress."""
        now = time.monotonic()
        self.seconds.append(now - self.began)
        self.began = now
        if self.alone and self.seconds[-1] > LONG_S:
            raise Enough


def expectation_of(
    model: nn.Module, config: LoopConfig, seconds: list[float], peak: int, peak_of: str
) -> Expectation:
    """The measured and what follows from the model's sizes; weights and moments are fp32."""
    parameters, trainable = count(model), count(model, trainable=True)
    memory = MemoryNeeds(
        weights=FP32_BYTES * parameters,
        gradients=FP32_BYTES * trainable,
        moments=FP32_BYTES * numbers_in_moments(model, config),
        average=FP32_BYTES * parameters,
        peak=peak,
        peak_of=peak_of,
    )
    return Expectation(
        parameters=parameters,
        trainable=trainable,
        parts=parts_of(model),
        memory=memory,
        seconds_per_step=min(seconds),
        measured_steps=len(seconds),
        steps=config.steps,
        batch_size=config.batch_size,
    )


def count(module: nn.Module, *, trainable: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trainable)


def parts_of(model: nn.Module) -> dict[str, int]:
    """Parameters of the model's children and of its own, the largest first; those without any left out."""
    parts = {name: count(child) for name, child in model.named_children()}
    parts |= {name: parameter.numel() for name, parameter in model.named_parameters(recurse=False)}
    return dict(sorted(((k, v) for k, v in parts.items() if v), key=lambda part: -part[1]))


def numbers_in_moments(model: nn.Module, config: LoopConfig) -> int:
    """Adam keeps two numbers for every trainable one, Muon one for every number of a hidden matrix."""
    hidden = sum(p.numel() for p in split_parameters(model).hidden if p.requires_grad)
    return 2 * count(model, trainable=True) - (hidden if config.optimizer == "muon" else 0)
