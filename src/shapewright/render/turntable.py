"""Moving pictures: an object that turns once, without repeating its first frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shapewright.atomic_file import replacing
from shapewright.errors import ConfigError, OutputError
from shapewright.geometry.cameras import Camera, turntable

__all__ = [
    "FRAMES_PER_SECOND",
    "MOVIE_WRITERS",
    "check_movie",
    "save_gif",
    "save_movie",
    "save_mp4",
    "save_webp",
    "to_uint8",
    "turntable_frames",
]

FRAMES_PER_SECOND = 12.0
# Browsers show GIFs no faster: delays are hundredths of a second, and below 2 they take 10.
FASTEST = 50.0
# Pixels of all frames from which the colours of a GIF are chosen.
PALETTE_PIXELS = 400_000
CLEAR = 255  # the place in a GIF's palette of what is transparent


def turntable_frames(
    render: Callable[[Camera], np.ndarray], *, count: int = 24, size_px: int = 256
) -> list[np.ndarray]:
    """`count` pictures from evenly spaced azimuths; `render` makes one, (H, W, 3 or 4) in [0, 1]."""
    return [render(camera) for camera in turntable(count, size_px=size_px)]


def check_movie(path: Path, *, fps: float = FRAMES_PER_SECOND, transparent: bool = False) -> None:
    """Raises: OutputError for an unknown suffix, or MP4 without a background; ConfigError for the speed."""
    suffix = path.suffix.lower()
    if suffix not in MOVIE_WRITERS:
        raise OutputError(f"A turntable should end in {', '.join(MOVIE_WRITERS)}; '{path}' does not.")
    if transparent and suffix == ".mp4":
        raise OutputError(f"'{path}' cannot be transparent, MP4 has no alpha: write .webp, or give a colour.")
    if not 1 <= fps <= FASTEST:
        raise ConfigError(f"Frames per second must be in 1..{FASTEST:g}, not {fps:g}.")


def save_movie(frames: Sequence[np.ndarray], path: Path, *, fps: float = FRAMES_PER_SECOND) -> None:
    """Write pictures of one size, (H, W, 3 or 4) in [0, 1], as what `path` ends in.

    Raises: OutputError, ConfigError, see `check_movie`.
    """
    assert frames
    check_movie(path, fps=fps, transparent=any(is_clear(frame) for frame in frames))
    MOVIE_WRITERS[path.suffix.lower()](frames, path, fps=fps)


def save_gif(frames: Sequence[np.ndarray], path: Path, *, fps: float = FRAMES_PER_SECOND) -> None:
    """A looping GIF: 255 colours for all frames, and pixels of at least half alpha are there, others not.

    Delays are whole hundredths of a second, the nearest to `fps`.
    Raises: OutputError if the place cannot be written. No partial file is left.
    """
    pictures = [to_uint8(frame) for frame in frames]
    # one palette for all frames: colours do not flicker
    palette = palette_of(pictures)
    indexed = [with_palette(picture, palette) for picture in pictures]
    clear: dict[str, Any] = (
        {"transparency": CLEAR, "disposal": 2} if any(is_clear(frame) for frame in frames) else {}
    )
    delay_ms = 10 * round(100 / fps)
    with replacing(path) as temporary:
        indexed[0].save(
            temporary, save_all=True, append_images=indexed[1:], duration=delay_ms, loop=0, **clear
        )


def save_webp(frames: Sequence[np.ndarray], path: Path, *, fps: float = FRAMES_PER_SECOND) -> None:
    """A looping animated WebP, with alpha. Raises: OutputError."""
    images = [Image.fromarray(to_uint8(frame)) for frame in frames]
    with replacing(path) as temporary:
        images[0].save(
            temporary,
            save_all=True,
            append_images=images[1:],
            duration=round(1000 / fps),
            loop=0,
            quality=90,
            method=4,
        )


def save_mp4(frames: Sequence[np.ndarray], path: Path, *, fps: float = FRAMES_PER_SECOND) -> None:
    """An H.264 film that every browser plays; alpha is ignored. Raises: OutputError.

    Its sides are even: of an odd picture the last row or column is repeated.
    """
    import imageio_ffmpeg  # looks for its program when imported

    pictures = [even(to_uint8(frame)[..., :3]) for frame in frames]
    height, width = pictures[0].shape[:2]
    with replacing(path) as temporary:
        film = imageio_ffmpeg.write_frames(
            str(temporary),
            (width, height),
            fps=fps,  # pyright: ignore[reportArgumentType]  # whole or not
            codec="libx264",
            macro_block_size=2,
            # the colours that browsers expect, and the index in front: playing starts before all is loaded
            output_params=[
                *("-vf", "scale=out_color_matrix=bt709:out_range=tv", "-crf", "17"),
                *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
                *("-movflags", "+faststart"),
            ],
        )
        film.send(None)
        for picture in pictures:
            film.send(np.ascontiguousarray(picture))
        film.close()


MOVIE_WRITERS: dict[str, Callable[..., None]] = {".gif": save_gif, ".webp": save_webp, ".mp4": save_mp4}


def even(picture: np.ndarray) -> np.ndarray:
    """`picture` (H, W, C) with its last row and column repeated where their number is odd."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def is_clear(picture: np.ndarray) -> bool:
    """Whether some of it (H, W, 3 or 4), in [0, 1], is transparent."""
    return picture.shape[-1] == 4 and bool((picture[..., 3] < 1).any())


def palette_of(pictures: Sequence[np.ndarray]) -> Image.Image:
    """An image whose palette has 255 colours for `pictures` (H, W, 3 or 4) uint8.

    The most frequent colour, which is the background, counts once: the object gets the others.
    """
    seen = np.concatenate([opaque_pixels(picture) for picture in pictures])
    seen = seen[:: -(-len(seen) // PALETTE_PIXELS)] if len(seen) else np.zeros((1, 3), dtype=np.uint8)
    colors, counts = np.unique(seen, axis=0, return_counts=True)
    most = colors[counts.argmax()]
    rest = np.concatenate([most[None], seen[(seen != most).any(axis=1)]])
    image = Image.fromarray(rest[None]).quantize(colors=254, method=Image.Quantize.MEDIANCUT, kmeans=1)
    chosen = np.array(image.getpalette(), dtype=np.uint8)[: 3 * 254]
    # first and last the background, which also fills up what is short
    spare = np.tile(most, 255 - len(chosen) // 3)
    return _palette(np.concatenate([most, chosen, spare]))


def opaque_pixels(picture: np.ndarray) -> np.ndarray:
    return picture[..., :3][picture[..., 3] >= 128] if picture.shape[-1] == 4 else picture.reshape(-1, 3)


def with_palette(picture: np.ndarray, palette: Image.Image) -> Image.Image:
    """`picture` in the palette's colours, dithered; what is not opaque gets the index CLEAR."""
    colors = picture[..., :3].copy()
    hidden = picture[..., 3] < 128 if picture.shape[-1] == 4 else np.zeros(colors.shape[:2], dtype=bool)
    # exactly in the palette: no error is carried from there over the outline
    colors[hidden] = (palette.getpalette() or [])[:3]
    image = Image.fromarray(colors).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    index = np.asarray(image).copy()
    index[index == CLEAR] = 0  # the same colour
    index[hidden] = CLEAR
    indexed = Image.fromarray(index)
    indexed.putpalette(palette.getpalette() or [])
    return indexed


def _palette(colors: np.ndarray) -> Image.Image:
    image = Image.new("P", (1, 1))
    image.putpalette(colors.tolist())
    return image


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """Floats in [0, 1] to the nearest of 0..255."""
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
