"""The contact sheet of a model: prompts by seeds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from shapewright.atomic_file import replacing
from shapewright.errors import ConfigError, EmptySurfaceError, OutputError
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS
from shapewright.geometry.cameras import turntable
from shapewright.pipeline import Asset, Pipeline
from shapewright.render.contact_sheet import Strip, contact_sheet

__all__ = ["household_sheet"]


def household_sheet(
    pipeline: Pipeline,
    path: Path,
    *,
    seeds: int = 4,
    size_px: int = 128,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the household prompts, `seeds` samples each, seen from the front left, as a PNG.

    A sample without a surface is an empty cell.
    Raises: OutputError; ConfigError for a size or number below 1; ModelError without a prior.
    """
    if size_px < 1:
        raise ConfigError(f"The pictures of a sheet have at least 1 pixel a side, not {size_px}.")
    if path.suffix.lower() != ".png":
        raise OutputError(f"A sheet should end in '.png', '{path}' does not.")
    strips: list[Strip] = []
    for prompt in HOUSEHOLD_PROMPTS:
        assets = pipeline.generate(prompt.text, n=seeds)
        strips.append(Strip(caption=prompt.text, pictures=[front(asset, size_px) for asset in assets]))
        if progress is not None:
            progress(len(strips), len(HOUSEHOLD_PROMPTS))
    sheet = contact_sheet(strips, columns=3, cell_px=size_px)
    with replacing(path) as temporary:
        sheet.save(temporary)


def front(asset: Asset, size_px: int) -> np.ndarray:
    try:
        return asset.view(turntable(8, size_px=size_px)[1], background=None)
    except EmptySurfaceError:
        return np.ones((size_px, size_px, 4), dtype=np.float32)
