"""Runs that are watched: a model of two weights, and a judge whose figures follow from these or from a list.

`python -m unit.training.watched_runs ROOT`, with a launcher's environment, is one of two processes.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from shapewright.render.contact_sheet import Strip
from shapewright.training.loop import LoopConfig, train
from shapewright.training.processes import accelerator, leave

__all__ = ["WATCHED", "Line", "ScriptedJudge", "TrueJudge", "validations", "watched"]

WATCHED = LoopConfig(
    steps=12,
    batch_size=4,
    learning_rate=0.1,
    warmup_steps=1,
    precision="fp32",
    ema_decay=0.5,
    validate_every=2,
    checkpoint_every_s=0.0,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    loop: LoopConfig


class Line:
    """y = 3 x + 1 with a noise that only the loop's generator knows."""

    def __init__(self) -> None:
        self.model = nn.Linear(1, 1)
        nn.init.zeros_(self.model.weight)
        nn.init.zeros_(self.model.bias)

    def batch(self, step: int) -> Tensor:
        return torch.linspace(-1, 1, 4)[:, None] * (1 + 0.01 * step)

    def losses(self, model: nn.Module, batch: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        return {"loss": (model(batch).float() - 3 * batch - 1).square().mean() + 0 * torch.rand(())}

    def asset_names(self, batch: Tensor) -> list[str]:
        return ["line"] * len(batch)


class TrueJudge:
    """How far from the truth the model is; draws random numbers on the way, which must disturb nobody."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        assert not model.training
        torch.rand(7)
        x = torch.linspace(-2, 2, 5)[:, None]
        return {"loss": float((model(x) - 3 * x - 1).abs().float().mean()), "five": 5.0}

    def pictures(self, model: nn.Module) -> list[Strip]:
        return [Strip(caption="weight", pictures=[np.full((8, 8, 3), 0.1 * abs(float(model.weight)) % 1)])]


class ScriptedJudge(TrueJudge):
    """Says what it is told to, one after the other."""

    def __init__(self, *losses: float) -> None:
        self.script, self.weights = list(losses), list[float]()

    def validate(self, model: nn.Module) -> dict[str, float]:
        self.weights.append(float(model.weight))
        return {"loss": self.script.pop(0)}


def watched(run: Path, judge: TrueJudge | None, *, progress: object = None, **changes: object) -> nn.Module:
    loop = replace(WATCHED, **changes)
    return train(
        Line(), loop, run, settings=Recipe(loop=loop), judge=judge, progress=progress, tensorboard=False
    )


def validations(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "validation.jsonl").read_text().splitlines()]


def main(root: Path) -> None:
    """One of two processes: only the first has a script, so only it may be asked."""
    accelerator()
    script = (5.0, 3.0, 4.0, 6.0) if accelerator().is_main_process else ()
    for name, sharding in (("plain", "none"), ("sharded", "full")):
        model = watched(root / name, ScriptedJudge(*script), patience=2, sharding=sharding)
        told = {"weight": float(model.weight), "bias": float(model.bias)}
        (root / f"{name}-{accelerator().process_index}.json").write_text(json.dumps(told))
    leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
