"""Samples of prompts for an evaluation, kept as latents, so that they are drawn once and judged often."""

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
from shapewright.pipeline import Asset, Pipeline

__all__ = ["CLOUD_POINTS", "Progress", "Sample", "draw_samples", "seconds_a_sample"]

CLOUD_POINTS = 1024
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One asset drawn for a prompt: points on its surface, and its mesh as judges see it.

    `cloud` (1024, 6) has colours; both are None without a surface. Meshes themselves are not kept: hundreds
    of them, ready to be seen, would take gigabytes.
    """

    prompt: Prompt
    cloud: np.ndarray | None
    pictures: list[Image.Image] | None

    @classmethod
    def of_asset(cls, prompt: Prompt, asset: Asset) -> Self:
        try:
            cloud = surface_samples(asset.surface(), CLOUD_POINTS)
        except EmptySurfaceError:
            return cls(prompt=prompt, cloud=None, pictures=None)
        return cls(prompt=prompt, cloud=cloud, pictures=pictures_of(asset))


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
    samples: list[Sample] = []
    for number, prompt in enumerate(prompts):
        if progress is not None:
            progress(number, len(prompts), "drawing")
        paths = [folder / f"{number:03d}-{seed}.safetensors" for seed in range(seeds)]
        found = [loaded(pipeline, path, prompt, seed) for seed, path in enumerate(paths)]
        if any(asset is None for asset in found):
            found = list(pipeline.generate(prompt.text, n=seeds))
            for asset, path in zip(found, paths, strict=True):
                assert asset is not None
                asset.save(path)
        samples += [Sample.of_asset(prompt, asset) for asset in found if asset is not None]
    return samples


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
    """From a prompt to the vertices of a mesh with colours, one at a time, the encoders being loaded."""
    began = time.perf_counter()
    sample = pipeline.generate(prompt, seed=1)[0]
    with suppress(EmptySurfaceError):
        sample.surface()
    return time.perf_counter() - began
