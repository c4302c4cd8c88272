"""Where the time of a training step goes, and how many assets a second it sees: figures of training.md.

python benchmarks/training.py --data data/homeware --encoder runs/refined
"""

import argparse
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from shapewright.autoencoder import Autoencoder
from shapewright.conditioning.minilm import MiniLM
from shapewright.dataset.loader import load_dataset
from shapewright.prior import Prior
from shapewright.training.conditions import CaptionFeatures
from shapewright.training.latents import load_latents, statistics_of
from shapewright.training.learner import make_optimizer
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.objectives.field_supervision import FieldSupervision
from shapewright.training.objectives.mixture import Mixture
from shapewright.training.recipes import encoder, prior, stages

ASSETS = 64


def objectives(data: Path, refined: Path) -> dict[str, tuple[Any, Any]]:
    """(objective, loop config) of the recipe homeware's trainings, on a part of the data."""
    records = load_dataset(data, "train")[:ASSETS]
    found: dict[str, tuple[Any, Any]] = {}
    recipe = encoder.homeware()
    model = Autoencoder(recipe.model)
    found["encoder, direct"] = (
        FieldSupervision(model, records, recipe.objective, batch_size=recipe.loop.batch_size),
        recipe.loop,
    )
    for stage in ("nerf", "distill"):
        staged = stages.homeware(stage)
        mixture = Mixture(
            Autoencoder(staged.model), records, staged.objective, batch_size=staged.loop.batch_size
        )
        found[f"encoder, {stage}"] = (mixture, staged.loop)
    drawn = prior.homeware()
    latents = load_latents(refined / "latents")
    features = CaptionFeatures(["a chair"], MiniLM())
    captions = [["a chair"] for _ in latents.captions]
    latents.captions[:] = captions
    statistics = statistics_of(refined / "latents", clip=drawn.objective.clip)
    objective = Denoising(
        Prior(drawn.model), latents, statistics, features, drawn.objective, batch_size=drawn.loop.batch_size
    )
    found["text prior"] = (objective, drawn.loop)
    return found


def measure(objective: Any, loop: Any, runs: int) -> dict[str, float]:
    """Median seconds of the parts of a step."""
    optimizer = make_optimizer(objective.model, loop)
    parts: dict[str, list[float]] = {name: [] for name in ("batch", "forward", "backward", "optimiser")}
    for step in range(runs + 1):
        marks = [time.perf_counter()]
        batch = objective.batch(step)
        marks.append(time.perf_counter())
        with torch.autocast("cpu", torch.bfloat16):
            losses = objective.losses(objective.model, batch, torch.Generator().manual_seed(step))
        marks.append(time.perf_counter())
        losses["loss"].backward()
        marks.append(time.perf_counter())
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        marks.append(time.perf_counter())
        if step:  # the first one warms up
            for name, begin, end in zip(parts, marks[:-1], marks[1:], strict=True):
                parts[name].append(end - begin)
    return {name: median(values) for name, values in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, required=True, help="run of a refinement, with its latents")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    print("| training | batch | batch made (s) | forward | backward | optimiser | assets a second |")
    print("|---|---|---|---|---|---|---|")
    for name, (objective, loop) in objectives(given.data, given.encoder).items():
        seconds = measure(objective, loop, given.runs)
        # batches are made in a thread while the step before is computed
        rate = loop.batch_size / max(seconds["batch"], sum(seconds.values()) - seconds["batch"])
        row = " | ".join(f"{value:.3f}" for value in seconds.values())
        print(f"| {name} | {loop.batch_size} | {row} | {rate:.0f} |")


if __name__ == "__main__":
    main()
