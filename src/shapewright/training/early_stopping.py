"""When a run has learnt enough: the averaged model with the least held-out loss, and how long ago it was.

All of it follows from RUN/validation.jsonl, so that a resumed run knows what the one before it knew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from shapewright.atomic_file import replacing
from shapewright.errors import CheckpointError
from shapewright.training.tracker import read_lines

__all__ = [
    "BestModels",
    "Judgement",
    "best_step",
    "read_judgements",
    "restore_best",
    "validations_without_gain",
]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The held-out loss after `step` steps."""

    step: int
    loss: float


def read_judgements(run: Path) -> list[Judgement]:
    """All validations of a run, in order."""
    lines = read_lines(run / "validation.jsonl")
    return [Judgement(step=int(line["step"]), loss=line["loss"]) for line in lines]


def best_step(judgements: Sequence[Judgement]) -> int | None:
    """The step with the least loss, the first of equals; losses that are not numbers are never best."""
    numbers = [judgement for judgement in judgements if not math.isnan(judgement.loss)]
    return min(numbers, key=lambda judgement: judgement.loss).step if numbers else None


def validations_without_gain(judgements: Sequence[Judgement]) -> int:
    """How many validations came after the best one; all of them if none is best."""
    best = best_step(judgements)
    return sum(best is None or judgement.step > best for judgement in judgements)


class BestModels:
    """Averaged models of a run in RUN/best, one file for each step that was best when it was reached.

    A run resumes from its newest checkpoint, or an older one where that is damaged, and must then find the
    model that was best there. So the best as of every checkpoint is kept, and what lies after `first`, the
    step resumed from, is removed: the run comes there again.
    """

    def __init__(self, run: Path, first: int) -> None:
        self.run = run
        for step, path in self.kept().items():
            if step > first:
                path.unlink()

    def kept(self) -> dict[int, Path]:
        """The files by their steps, in order."""
        return {step_of(path): path for path in sorted((self.run / "best").glob("step-*.safetensors"))}

    def keep(self, step: int, model: nn.Module) -> None:
        """Write the model that is now the best; those that no checkpoint asks for any more are removed."""
        weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
        with replacing(best_path(self.run, step)) as temporary:
            save_file(weights, temporary)
        kept, marks = self.kept(), [step, *map(step_of, (self.run / "checkpoints").glob("step-*"))]
        wanted = {max((there for there in kept if there <= mark), default=step) for mark in marks}
        for there, path in kept.items():
            if there not in wanted:
                path.unlink()


def restore_best(run: Path, step: int | None, model: nn.Module) -> nn.Module:
    """`model` with the weights that were kept at `step`; as it is for None.

    Raises: CheckpointError if they are gone or damaged.
    """
    if step is None:
        return model
    path = best_path(run, step)
    try:
        model.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"The best model of the run, '{path}', cannot be read ({reason}); train again in another folder."
        ) from error
    return model


def best_path(run: Path, step: int) -> Path:
    return run / "best" / f"step-{step:07d}.safetensors"


def step_of(path: Path) -> int:
    return int(path.name.partition(".")[0].removeprefix("step-"))
