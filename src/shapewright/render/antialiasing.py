"""Smooth edges for few rays: one through every pixel's middle, many only where neighbours differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import linear_to_srgb

__all__ = ["Sample", "antialiased", "supersampled"]

# From origins and directions (N, 3): linear colour times alpha, and alpha, (N, 4) float32 in [0, 1].
Sample = Callable[[np.ndarray, np.ndarray], np.ndarray]

SAMPLES = 16
# Steps of colour (sRGB) or alpha to a neighbour that are seen as steps.
STEP = 0.03
RAYS_AT_ONCE = 1 << 18


def antialiased(
    sample: Sample,
    camera: Camera,
    *,
    background: tuple[float, float, float] | None = None,
    samples: int = SAMPLES,
    step: float = STEP,
) -> np.ndarray:
    """A picture (H, W, 4) float32: sRGB and straight alpha in [0, 1], opaque with a `background`.

    Pixels that differ by `step` or more from one of their eight neighbours are the mean of `samples` rays, in
    linear light; the others of one. `supersampled` is the plain twin.
    """
    shape = (camera.height_px, camera.width_px)
    rows, columns = (part.reshape(-1) for part in np.indices(shape))
    middle = sampled(sample, camera, rows, columns)
    rough = np.flatnonzero(differs(middle.reshape(*shape, 4), step))
    if samples > 1:
        middle[rough] = mean_of_samples(sample, camera, rows[rough], columns[rough], samples)
    return finished(middle.reshape(*shape, 4), background)


def supersampled(
    sample: Sample,
    camera: Camera,
    *,
    background: tuple[float, float, float] | None = None,
    samples: int = SAMPLES,
) -> np.ndarray:
    """As `antialiased`, with `samples` rays through every pixel."""
    shape = (camera.height_px, camera.width_px)
    rows, columns = (part.reshape(-1) for part in np.indices(shape))
    return finished(mean_of_samples(sample, camera, rows, columns, samples).reshape(*shape, 4), background)


def mean_of_samples(
    sample: Sample, camera: Camera, rows: np.ndarray, columns: np.ndarray, samples: int
) -> np.ndarray:
    """Means (N, 4) over points spread within each of the pixels."""
    total = np.zeros((len(rows), 4), dtype=np.float32)
    for right, down in spread(samples):
        total += sampled(sample, camera, rows + down, columns + right)
    return total / samples


def sampled(sample: Sample, camera: Camera, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """`sample` (N, 4) at points of the picture, in pixels, some at a time."""
    found = np.zeros((len(rows), 4), dtype=np.float32)
    for first in range(0, len(rows), RAYS_AT_ONCE):
        part = slice(first, first + RAYS_AT_ONCE)
        found[part] = sample(*camera.rays_through(rows[part], columns[part]))
    return found


def spread(count: int) -> np.ndarray:
    """`count` points (count, 2) in [-0.5, 0.5], no two in one row or column: an upright edge gets all steps.

    Source: the Hammersley set, whose second coordinate mirrors the digits of the index at the point.
    """
    mirrored = [sum((index >> bit & 1) / 2 ** (bit + 1) for bit in range(24)) for index in range(count)]
    ranks = np.argsort(np.argsort(mirrored))
    return (np.stack([np.arange(count), ranks], axis=-1) + 0.5) / count - 0.5


def differs(picture: np.ndarray, step: float) -> np.ndarray:
    """Which pixels (H, W) of linear colours times alpha (H, W, 4) are `step` from a neighbour."""
    shown = np.concatenate([linear_to_srgb(picture[..., :3]), picture[..., 3:]], axis=-1)
    # the extremes of three in a row, then of three rows
    low, high = shown, shown
    for axis in (0, 1):
        low, high = (_extreme(low, axis, np.minimum), _extreme(high, axis, np.maximum))
    return np.any(np.maximum(high - shown, shown - low) >= step, axis=-1)


def _extreme(values: np.ndarray, axis: int, extreme: np.ufunc) -> np.ndarray:
    width = [(1, 1) if axis == here else (0, 0) for here in range(3)]
    padded = np.pad(values, width, mode="edge")
    size = values.shape[axis]
    parts = [padded.take(np.arange(start, start + size), axis=axis) for start in range(3)]
    return extreme(extreme(parts[0], parts[1]), parts[2])


def finished(premultiplied: np.ndarray, background: tuple[float, float, float] | None) -> np.ndarray:
    """Linear premultiplied colours (H, W, 4) as sRGB with straight alpha, or opaque over `background`.

    Laid over it in sRGB, as browsers do: a transparent picture looks the same on a page of that colour.
    """
    alpha = premultiplied[..., 3:]
    color = linear_to_srgb(premultiplied[..., :3] / np.maximum(alpha, 1e-6))
    if background is not None:
        color = color * alpha + (1 - alpha) * np.asarray(background)
        alpha = np.ones_like(alpha)
    return np.concatenate([color, alpha], axis=-1, dtype=np.float32)
