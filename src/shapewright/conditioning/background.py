"""Objects cut out of photographs, by rembg where that is installed."""

import importlib
import importlib.util
from typing import Any

from PIL import Image

from shapewright.conditioning.pictures import as_rgba
from shapewright.errors import ConfigError, ImageError

__all__ = ["check_rembg", "remove_background"]

# Of rembg's networks the one with a free licence (Apache 2.0) that is made for objects of any kind.
NETWORK = "u2net"


def check_rembg() -> None:
    """Raises: ConfigError if rembg, or the runtime without which its import ends the program, is missing."""
    if importlib.util.find_spec("rembg") is None or importlib.util.find_spec("onnxruntime") is None:
        raise ConfigError(
            "Removing backgrounds needs rembg, which is not installed: pip install 'rembg[cpu]', "
            "or give pictures with a transparent background."
        )


def remove_background(picture: Image.Image) -> Image.Image:
    """The picture in RGBA, all but its main object transparent. rembg fetches its network when first used.

    Raises: ConfigError if rembg is not installed; ImageError if it fails.
    """
    check_rembg()
    rgba = as_rgba(picture)
    try:
        rembg: Any = importlib.import_module("rembg")
        return rembg.remove(rgba, session=rembg.new_session(NETWORK))
    except Exception as error:  # the library, its runtime and its download fail in many ways
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ImageError(
            f"rembg could not remove the background ({reason}): "
            "give a picture with a transparent background instead."
        ) from error
