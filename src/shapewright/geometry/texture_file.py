"""Texture images from disk and for files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["load_texture", "png_bytes", "texture_array"]


def load_texture(path: Path, max_size_px: int) -> np.ndarray | None:
    """(h, w, 4) uint8 sRGB with straight alpha, at most `max_size_px` a side; None if unreadable."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (max_size_px, max_size_px))  # lets JPEG decode at a reduced size
            return texture_array(image, max_size_px)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def texture_array(image: Image.Image, max_size_px: int) -> np.ndarray:
    """A Pillow image of any mode as (h, w, 4) uint8, shrunk by area averaging if it is too large."""
    converted = image.convert("RGBA")
    if max(converted.size) > max_size_px:
        scale = max_size_px / max(converted.size)
        size = (max(1, round(converted.width * scale)), max(1, round(converted.height * scale)))
        converted = converted.resize(size, Image.Resampling.BOX)
    return np.asarray(converted).copy()


def png_bytes(image: np.ndarray) -> bytes:
    """A PNG file of (h, w, 3) uint8 sRGB."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, format="PNG", compress_level=3)  # a tenth larger, in half the time
    return data.getvalue()
