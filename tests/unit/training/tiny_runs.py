"""Short runs of the tiny encoder recipe on solids in memory; also started as a process of its own.

`python -m unit.training.tiny_runs RUN` kills itself, as kill -9 does, while it writes its sixth checkpoint.
"""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shapewright.autoencoder import Autoencoder
from shapewright.training import checkpoint
from shapewright.training.loop import LoopConfig, Progress, train
from shapewright.training.objectives.field_supervision import FieldSupervision
from shapewright.training.recipes.encoder import EncoderRecipe, tiny
from tiny_assets import shelf

STEPS = 8
KILLED_AT = 6


def tiny_recipe(**changes: Any) -> EncoderRecipe:
    """Of STEPS steps in fp32, with a checkpoint after each."""
    loop = replace(tiny().loop, steps=STEPS, precision="fp32", checkpoint_every_s=0.0, optimizer="muon")
    return replace(tiny(), loop=replace(loop, **changes))


def train_tiny(
    run: Path, *, progress: Progress | None = None, settings: LoopConfig | None = None, **changes: Any
) -> Autoencoder:
    """Train, or go on, on the solids; returns the averaged model."""
    recipe = tiny_recipe(**changes)
    torch.manual_seed(recipe.loop.seed)
    model = Autoencoder(recipe.model)
    objective = FieldSupervision(model, shelf(), recipe.objective, batch_size=recipe.loop.batch_size)
    average = train(
        objective, recipe.loop, run, settings=settings or recipe, progress=progress, tensorboard=False
    )
    assert isinstance(average, Autoencoder)
    return average


def losses_of(run: Path) -> list[dict[str, float]]:
    """The run's metrics without what depends on the machine's mood."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def main(run: Path) -> None:
    write = checkpoint.save_file

    def deadly(tensors: dict[str, Tensor], path: Path) -> None:
        if f"{KILLED_AT:07d}" in path.parent.name and path.name == "optimizer.safetensors":
            path.write_bytes(b"half of it")
            os.kill(os.getpid(), signal.SIGKILL)
        write(tensors, path)

    checkpoint.save_file = deadly
    train_tiny(run)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
