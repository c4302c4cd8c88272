"""The run looked at from outside while it lasts: held-out figures, pictures, and whether to go on."""

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
from shapewright.training.learner import AUTOCAST
from shapewright.training.loop_config import LoopConfig
from shapewright.training.pictures import picture_path, save_pictures
from shapewright.training.tracker import Tracker

__all__ = ["Judge", "Watcher", "check_judge"]


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
    """Calls the judge when it is time, and keeps the model that was best by its loss.

    first: the step that the run resumed from; what was kept of later ones is removed.
    """

    def __init__(
        self, run: Path, tracker: Tracker, config: LoopConfig, *, first: int, judge: Judge | None
    ) -> None:
        self.run, self.tracker, self.config, self.judge = run, tracker, config, judge
        self.judgements = read_judgements(run)
        self.best = BestModels(run, first)
        for path in (run / "pictures").glob("step-*.png"):
            if path > picture_path(run, first):
                path.unlink()

    def look(self, done: int, average: nn.Module) -> bool:
        """After `done` steps: validate and draw what is due and not there yet. Whether it is time to stop."""
        assert self.judge is not None, "there is a judge where there are looks"
        device = next(average.parameters()).device
        forked = torch.random.fork_rng([device] if device.type == "cuda" else [])
        with self.tracker.pace.paused(), forked, torch.no_grad():
            judged = [judgement.step for judgement in self.judgements]
            if self.config.due(self.config.validate_every, done) and done not in judged:
                self.validate(self.judge, done, average)
            drawn = picture_path(self.run, done).exists()
            if self.config.due(self.config.pictures_every, done) and not drawn:
                save_pictures(self.run, self.tracker, done, self.judge.pictures(average))
        patience = self.config.patience
        return patience > 0 and validations_without_gain(self.judgements) >= patience

    def validate(self, judge: Judge, done: int, average: nn.Module) -> None:
        dtype = AUTOCAST.get(self.config.precision)
        with torch.autocast(next(average.parameters()).device.type, dtype, enabled=dtype is not None):
            values = judge.validate(average)
        self.judgements.append(Judgement(step=done, loss=values["loss"]))
        if best_step(self.judgements) == done:
            self.best.keep(done, average)
        self.tracker.validation(done, values)

    @property
    def best_step(self) -> int | None:
        """The step whose model is the result; None where that is the last one."""
        return best_step(self.judgements) if self.config.patience else None


def check_judge(config: LoopConfig, judge: Judge | None) -> None:
    """Raises: ConfigError if the config asks for looks and there is nobody to look."""
    if config.looks and judge is None:
        raise ConfigError(
            "This training has no held-out measure: set loop.validate_every and loop.pictures_every to 0."
        )
