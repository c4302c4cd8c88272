"""Moving pictures: an object that turns once, without repeating its first frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.geometry.cameras import Camera, turntable

__all__ = ["save_gif", "to_uint8", "turntable_frames"]


def turntable_frames(
    render: Callable[[Camera], np.ndarray], *, count: int = 24, size_px: int = 256
) -> list[np.ndarray]:
    """`count` pictures from evenly spaced azimuths; `render` makes one, (H, W, 3 or 4) in [0, 1]."""
    return [render(camera) for camera in turntable(count, size_px=size_px)]


def save_gif(frames: Sequence[np.ndarray], path: Path, *, frame_ms: int = 80) -> None:
    """Write opaque pictures (H, W, 3 or 4) in [0, 1] as a looping GIF; alpha is ignored.

    Raises: OutputError if the place cannot be written. No partial file is left.
    """
    assert frames
    # one palette for all frames, taken from the first, middle and last: colours do not flicker
    pictures = [Image.fromarray(to_uint8(frame)[..., :3]) for frame in frames]
    samples = [pictures[index] for index in sorted({0, len(pictures) // 2, len(pictures) - 1})]
    strip = Image.fromarray(np.concatenate([np.asarray(picture) for picture in samples]))
    palette = strip.quantize(colors=255, method=Image.Quantize.MEDIANCUT)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
    with replacing(path) as temporary:
        indexed[0].save(temporary, save_all=True, append_images=indexed[1:], duration=frame_ms, loop=0)


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] to the nearest of 0..255."""
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
