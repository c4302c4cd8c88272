"""Pictures of objects, made ready for an image encoder."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from shapewright.errors import ConfigError, ImageError

__all__ = ["OBJECT_SHARE", "check_foreground_ratio", "object_square", "opaque_square", "open_picture"]

# Share of the square that the object's longer side takes when it is cut out by its alpha channel.
OBJECT_SHARE = 0.8
# Smaller objects would be a few pixels for the encoder.
SMALLEST_SHARE = 0.1
# Alpha (0..255) from which a pixel belongs to the object.
VISIBLE_ALPHA = 8
# A picture whose border is at least this bright (0..255) everywhere shows its object on white.
WHITE = 250
# Floats have no agreed range, and Pillow takes CIELAB's third channel for something else.
UNCLEAR_MODES = ("F", "LAB")
# Encoders look at a few hundred pixels; larger pictures are shrunk to this before they are worked on.
LONGEST_SIDE_PX = 2048


def open_picture(path: str | Path) -> Image.Image:
    """The picture at `path`, turned as its EXIF data says; of an animation, the first frame.

    Raises: ImageError if it is missing, unreadable, or has more pixels than Pillow holds for safe.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                file.load()
                return ImageOps.exif_transpose(file)
    except FileNotFoundError as error:
        raise ImageError(f"There is no picture at {path}.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ImageError(
            f"The picture {path} is too large, over {most} million pixels: shrink it first."
        ) from error
    except Exception as error:  # decoders of damaged files fail in whatever way they stumble
        raise ImageError(f"Cannot read {path} as a picture: give a PNG, JPEG or WebP file.") from error


def check_foreground_ratio(ratio: float | None) -> None:
    """Raises: ConfigError if the share is outside 0.1..1."""
    if ratio is not None and not SMALLEST_SHARE <= ratio <= 1:
        raise ConfigError(
            f"The foreground ratio is the share of the picture's side that the object takes, "
            f"{SMALLEST_SHARE} to 1, not {ratio:g}."
        )


def object_square(picture: Image.Image, *, foreground_ratio: float | None = None) -> Image.Image:
    """A square RGB picture with the object in its middle, on white; nothing of the object is cropped away.

    The object is what the alpha channel shows, or, in an opaque picture with a white border, what is not
    white, or else the whole picture. Its longer side takes `foreground_ratio` of the square's. If that is
    None, an object cut out by alpha takes 0.8, and an opaque picture is only padded to a square.
    Raises: ImageError if nothing is visible or the mode is not understood; ConfigError.
    """
    check_foreground_ratio(foreground_ratio)
    rgba = as_rgba(picture)
    if is_opaque(rgba):
        box = None if foreground_ratio is None else box_on_white(rgba)
        return centred(rgba.crop(box), foreground_ratio or 1.0)
    return centred(rgba.crop(visible_box(rgba)), foreground_ratio or OBJECT_SHARE)


def opaque_square(picture: Image.Image) -> Image.Image:
    """RGB on white. An object cut out by an alpha channel is centred on a square with a margin around it.

    Pictures without transparent pixels keep their shape. Raises: ImageError as `object_square`.
    """
    rgba = as_rgba(picture)
    return rgba.convert("RGB") if is_opaque(rgba) else object_square(rgba)


def as_rgba(picture: Image.Image) -> Image.Image:
    """Any mode as 8-bit RGBA, its longer side at most LONGEST_SIDE_PX. Raises: ImageError."""
    if min(picture.size) < 1:
        raise ImageError("The picture has no pixels.")
    try:
        if picture.mode in UNCLEAR_MODES:
            raise ValueError("Pillow would convert it to something else than what it shows")
        rgba = (eight_bits(picture) if picture.mode.startswith("I") else picture).convert("RGBA")
    except ValueError as error:
        raise ImageError(
            f"Pictures of mode {picture.mode} are not understood: save it with 8 bits a channel, RGB or RGBA."
        ) from error
    scale = LONGEST_SIDE_PX / max(rgba.size)
    if scale >= 1:
        return rgba
    size = (max(1, round(rgba.width * scale)), max(1, round(rgba.height * scale)))
    return rgba.resize(size, Image.Resampling.LANCZOS)


def eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen bits of grey as eight; Pillow's own conversion would cut off all that is over 255."""
    grey = np.asarray(picture).astype(np.float32).clip(0, 65535) / 257
    return Image.fromarray(np.round(grey).astype(np.uint8))


def is_opaque(rgba: Image.Image) -> bool:
    return rgba.getchannel("A").getextrema()[0] == 255


def visible_box(rgba: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what alpha shows. Raises: ImageError if that is nothing."""
    visible = np.asarray(rgba)[..., 3] >= VISIBLE_ALPHA
    if not visible.any():
        raise ImageError("The picture is fully transparent: give one that shows an object.")
    return bounds(visible)


def box_on_white(rgba: Image.Image) -> tuple[int, int, int, int] | None:
    """What is not white in a picture with a white border; None, for the whole, in others."""
    colored = np.asarray(rgba)[..., :3].min(axis=-1) < WHITE
    border = np.concatenate([colored[0], colored[-1], colored[:, 0], colored[:, -1]])
    return None if border.any() or not colored.any() else bounds(colored)


def bounds(marked: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(marked.any(axis=1)), np.flatnonzero(marked.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def centred(cut: Image.Image, share: float) -> Image.Image:
    """On a white square of which the longer side takes `share`."""
    side = max(round(max(cut.size) / share), 1)
    square = Image.new("RGBA", (side, side), (255, 255, 255, 255))
    square.alpha_composite(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return square.convert("RGB")
