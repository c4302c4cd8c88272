"""Pictures of objects, made ready for an image encoder."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from shapewright.errors import ImageError

__all__ = ["opaque_square", "open_picture"]

# Share of the square that the object's longer side takes when it is cut out by its alpha channel.
OBJECT_SHARE = 0.8
# Alpha (0..255) from which a pixel belongs to the object.
VISIBLE_ALPHA = 8


def open_picture(path: str | Path) -> Image.Image:
    """The picture at `path`, turned as its EXIF data says. Raises: ImageError."""
    from PIL import ImageOps

    try:
        with Image.open(path) as file:
            file.load()
            return ImageOps.exif_transpose(file)
    except FileNotFoundError as error:
        raise ImageError(f"There is no picture at {path}.") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"Cannot read {path} as a picture: give a PNG, JPEG or WebP file.") from error


def opaque_square(picture: Image.Image) -> Image.Image:
    """RGB on white. An object cut out by an alpha channel is centred on a square with a margin around it.

    Pictures without transparent pixels keep their shape. Raises: ImageError if nothing is visible.
    """
    if min(picture.size) < 1:
        raise ImageError("The picture has no pixels.")
    rgba = picture.convert("RGBA")
    alpha = np.asarray(rgba)[..., 3]
    if alpha.min() == 255:
        return rgba.convert("RGB")
    if alpha.max() < VISIBLE_ALPHA:
        raise ImageError("The picture is fully transparent: give one that shows an object.")
    rows, columns = np.nonzero(alpha >= VISIBLE_ALPHA)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    cut = rgba.crop(box)
    side = max(round(max(cut.size) / OBJECT_SHARE), 1)
    square = Image.new("RGBA", (side, side), (255, 255, 255, 255))
    square.alpha_composite(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return square.convert("RGB")
