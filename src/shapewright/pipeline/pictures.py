"""Files of pictures of anything that can be looked at: one view, a strip, a turntable, a sheet."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.errors import ConfigError, OutputError
from shapewright.geometry import cameras
from shapewright.geometry.cameras import Camera
from shapewright.render.contact_sheet import Strip, contact_sheet
from shapewright.render.turntable import FRAMES_PER_SECOND, check_movie, is_clear, save_movie, to_uint8

__all__ = ["View", "check_size", "save_movie_of", "save_png", "save_sheet", "save_turntable", "views_around"]

View = Callable[[Camera], np.ndarray]  # a picture (H, W, 4) in [0, 1] of whatever it is
SIZES_PX = (8, 8192)


def check_size(size_px: int, option: str = "size_px") -> None:
    """Raises: ConfigError, naming `option`, for pictures that nobody can want."""
    if not SIZES_PX[0] <= size_px <= SIZES_PX[1]:
        raise ConfigError(f"{option} must be in {SIZES_PX[0]}..{SIZES_PX[1]}, not {size_px}.")


def views_around(count: int, *, size_px: int) -> list[Camera]:
    """`count` cameras, the first at the front left and then on around the object."""
    eighths = cameras.turntable(8 * count, size_px=size_px)
    return eighths[count::8][:count]


def save_turntable(
    view: View,
    path: Path,
    *,
    frames: int,
    size_px: int,
    fps: float = FRAMES_PER_SECOND,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write one turn as GIF, WebP or MP4; progress(done, total) after each frame. Raises: OutputError."""
    check_size(size_px)
    around = cameras.turntable(frames, size_px=size_px)
    save_movie_of(view, around, path, fps=fps, progress=progress)


def save_movie_of(
    view: View,
    around: Sequence[Camera],
    path: Path,
    *,
    fps: float,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write what the cameras see, one after the other. Raises: OutputError; ConfigError."""
    check_movie(path, fps=fps)
    pictures: list[np.ndarray] = []
    for camera in around:
        pictures.append(view(camera))
        check_movie(path, fps=fps, transparent=is_clear(pictures[-1]))
        if progress is not None:
            progress(len(pictures), len(around))
    save_movie(pictures, path, fps=fps)


def save_png(pictures: Sequence[np.ndarray], path: Path) -> None:
    """Write pictures (H, W, C) in [0, 1] side by side. Raises: OutputError."""
    check_png(path)
    image = Image.fromarray(to_uint8(np.concatenate(pictures, axis=1)))
    with replacing(path) as temporary:
        image.save(temporary)


def save_sheet(strips: Sequence[Strip], path: Path, *, cell_px: int, columns: int | None = None) -> None:
    """Write captioned strips in rows, by default about as wide as high. Raises: OutputError."""
    check_png(path)
    if columns is None:
        longest = max(len(strip.pictures) for strip in strips)
        columns = max(1, round((len(strips) / longest) ** 0.5 + 0.25))
    sheet = contact_sheet(strips, columns=columns, cell_px=cell_px, font_px=max(10, cell_px // 16))
    with replacing(path) as temporary:
        sheet.save(temporary)


def check_png(path: Path) -> None:
    if path.suffix.lower() != ".png":
        raise OutputError(f"A picture should end in '.png', '{path}' does not.")
