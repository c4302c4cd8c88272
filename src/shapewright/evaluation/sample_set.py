"""Samples of prompts for an evaluation, kept as latents, so that they are drawn once and judged often."""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from shapewright.errors import EmptySurfaceError, ShapewrightError
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.reconstruction import surface_samples
from shapewright.evaluation.retrieval import pictures_of
from shapewright.geometry.sampling import farthest_point_order
from shapewright.pipeline import Asset, Pipeline

__all__ = ["CLOUD_POINTS", "Progress", "Sample", "draw_samples", "seconds_a_sample"]

CLOUD_POINTS = 1024
# The points are chosen from so many times as many random ones, far from each other, as those of assets are.
CANDIDATES = 4
# Prompts are drawn together, so many samples at a time: as many as a run loses that is stopped.
DRAWN_AT_ONCE = 16
LATENCY_RUNS = 3
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One asset drawn for a prompt: points on its surface, and its mesh as judges see it.

    `cloud` (1024, 6) has colours and is in farthest-point order; both are None without a surface. Meshes
    themselves are not kept: hundreds of them, ready to be seen, would take gigabytes.
    """

    prompt: Prompt
    cloud: np.ndarray | None
    pictures: list[Image.Image] | None

    @classmethod
    def of_asset(cls, prompt: Prompt, asset: Asset) -> Self:
        try:
            surface = asset.surface()
        except EmptySurfaceError:
            return cls(prompt=prompt, cloud=None, pictures=None)
        cloud = surface_samples(surface, CANDIDATES * CLOUD_POINTS)
        evenly = cloud[farthest_point_order(cloud[:, :3], CLOUD_POINTS)]
        return cls(prompt=prompt, cloud=evenly, pictures=pictures_of(asset))


def draw_samples(
    pipeline: Pipeline,
    prompts: Sequence[Prompt],
    seeds: int,
    folder: Path,
    progress: Progress | None = None,
) -> list[Sample]:
    """`seeds` samples of each prompt, those of the first one first; what is in `folder` is not drawn again.

    Raises: OutputError if they cannot be kept.
    """
    paths = {
        (number, seed): folder / f"{number:03d}-{seed}.safetensors"
        for number in range(len(prompts))
        for seed in range(seeds)
    }
    draw_missing(pipeline, prompts, paths, progress)
    samples: list[Sample] = []
    for (number, seed), path in paths.items():
        if progress is not None:
            progress(len(samples), len(paths), "looking at samples")
        asset = loaded(pipeline, path, prompts[number], seed)
        assert asset is not None, "it was just drawn"
        samples.append(Sample.of_asset(prompts[number], asset))
    return samples


def draw_missing(
    pipeline: Pipeline,
    prompts: Sequence[Prompt],
    paths: dict[tuple[int, int], Path],
    progress: Progress | None = None,
) -> None:
    """Draw the prompts of which a sample is not in its place, all their seeds, several prompts at once."""
    seeds = 1 + max(seed for _, seed in paths)
    lacking = [
        number
        for number, prompt in enumerate(prompts)
        if any(loaded(pipeline, paths[number, seed], prompt, seed) is None for seed in range(seeds))
    ]
    together = max(1, DRAWN_AT_ONCE // seeds)
    for start in range(0, len(lacking), together):
        if progress is not None:
            progress(start, len(lacking), "drawing")
        numbers = lacking[start : start + together]
        drawn = iter(pipeline.generate([prompts[number].text for number in numbers], n=seeds))
        for number in numbers:
            for seed in range(seeds):
                next(drawn).save(paths[number, seed])


def loaded(pipeline: Pipeline, path: Path, prompt: Prompt, seed: int) -> Asset | None:
    """The sample in `path`, if it is one of this model, prompt and seed."""
    if not path.is_file():
        return None
    try:
        asset = pipeline.load(path)
    except ShapewrightError:  # damaged, or of another model: drawn again
        return None
    return asset if (asset.origin.prompt, asset.origin.seed) == (prompt.text, seed) else None


def seconds_a_sample(pipeline: Pipeline, prompt: str) -> float:
    """From a prompt to the vertices of a mesh with colours, one at a time: the median of three.

    The encoders are loaded before the clock runs.
    """
    pipeline.generate(prompt, steps=2)
    return statistics.median(seconds_of_one(pipeline, prompt, seed) for seed in range(LATENCY_RUNS))


def seconds_of_one(pipeline: Pipeline, prompt: str, seed: int) -> float:
    began = time.perf_counter()
    sample = pipeline.generate(prompt, seed=seed)[0]
    with suppress(EmptySurfaceError):
        sample.surface()
    return time.perf_counter() - began
