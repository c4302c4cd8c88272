"""The run looked at from outside while it lasts: held-out figures, pictures, and whether to go on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from shapewright.errors import ConfigError
from shapewright.render.contact_sheet import Strip
from shapewright.training.early_stopping import (
    BestModels,
    Judgement,
    best_step,
    read_judgements,
    validations_without_gain,
)
from shapewright.training.pictures import picture_path, save_pictures
from shapewright.training.tracker import Tracker

__all__ = ["Judge", "Watcher", "Watching"]


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How often the averaged model is looked at, in steps; 0: never.

    validate_every: it is judged on held-out assets. patience: the run stops after so many validations
    without a smaller loss, and the best model is the result; 0: it never does. pictures_every:
    reconstructions and samples are drawn. All of it happens once more at the end of the run.
    """

    validate_every: int = 0
    patience: int = 0
    pictures_every: int = 0

    def __post_init__(self) -> None:
        if min(self.validate_every, self.patience, self.pictures_every) < 0:
            raise ConfigError(
                "validate_every, patience and pictures_every must be at least 0, got "
                f"{self.validate_every}, {self.patience} and {self.pictures_every}"
            )
        if self.patience and not self.validate_every:
            raise ConfigError(
                f"patience {self.patience} counts validations: set validate_every too, or patience to 0"
            )

    @property
    def looks(self) -> bool:
        """Whether a judge is needed."""
        return self.validate_every > 0 or self.pictures_every > 0


@runtime_checkable
class Judge(Protocol):
    """Judges a model by assets that it does not learn from, always the same with the same seeds."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Named figures; `loss` is the one that early stopping goes by, the less the better."""
        ...

    def pictures(self, model: nn.Module) -> list[Strip]:
        """What the model makes, to be looked at; none if it makes nothing that can be seen."""
        ...


class Watcher:
    """Calls the judge when it is time, and keeps the best model where there is patience.

    `average` is the model that is judged; `first` the step that the run resumed from, `steps` its last.
    Raises: ConfigError if the config asks for what no judge is there for.
    """

    def __init__(
        self,
        run: Path,
        tracker: Tracker,
        average: nn.Module,
        config: Watching,
        *,
        first: int,
        steps: int,
        judge: Judge | None,
        bf16: bool = False,
    ) -> None:
        if config.looks and judge is None:
            raise ConfigError(
                "This training has no held-out measure: set validate_every and pictures_every to 0."
            )
        self.run, self.tracker, self.average, self.config = run, tracker, average, config
        self.steps, self.judge, self.bf16 = steps, judge, bf16
        self.judgements = read_judgements(run)
        self.best = BestModels(run, first)
        for path in (run / "pictures").glob("step-*.png"):
            if path > picture_path(run, first):
                path.unlink()

    def goes_on(self, first: int) -> bool:
        """Whether a run resumed at `first` has anything to do."""
        if first > 0:  # a process may have ended after its checkpoint without a look at it
            self.look(first)
        return first < self.steps and not self.over

    def look(self, done: int) -> bool:
        """After `done` steps: validate and draw what is due and not there yet. Whether it is time to stop."""
        if self.judge is None:
            return False
        device = next(self.average.parameters()).device
        forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
        with self.tracker.pace.paused(), forked, torch.no_grad():
            judged = [judgement.step for judgement in self.judgements]
            if self.due(self.config.validate_every, done) and done not in judged:
                self.validate(self.judge, done)
            if self.due(self.config.pictures_every, done) and not picture_path(self.run, done).exists():
                save_pictures(self.run, self.tracker, done, self.judge.pictures(self.average))
        return self.over

    def due(self, every: int, done: int) -> bool:
        return every > 0 and (done % every == 0 or done == self.steps)

    def validate(self, judge: Judge, done: int) -> None:
        device = next(self.average.parameters()).device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bf16):
            values = judge.validate(self.average)
        self.judgements.append(Judgement(step=done, loss=values["loss"]))
        if self.config.patience and best_step(self.judgements) == done:
            self.best.keep(done, self.average)
        self.tracker.validation(done, values)

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        patience = self.config.patience
        return patience > 0 and validations_without_gain(self.judgements) >= patience

    def chosen(self) -> nn.Module:
        """The averaged model, with the best weights it had where there is patience."""
        best = best_step(self.judgements)
        if self.config.patience and best is not None:
            self.best.restore(best, self.average)
        return self.average
