"""The one light of all pictures of surfaces: a fixed direction, both sides of a face lit alike."""

from __future__ import annotations

import numpy as np

__all__ = [
    "AMBIENT",
    "DIFFUSE",
    "LIGHT_DIRECTION",
    "diffuse_light",
    "linear_to_srgb",
    "shade",
    "srgb_to_linear",
]

# Source: the constants of the reference's Blender script (direction in which the light travels).
LIGHT_DIRECTION = np.array([0.09387503, -0.63953443, -0.7630093], dtype=np.float32)
AMBIENT = 0.3
DIFFUSE = 0.7


def diffuse_light(normals: np.ndarray) -> np.ndarray:
    """Light intensity (...) in [0.3, 1] on surfaces with unit `normals` (..., 3); sign does not matter."""
    return AMBIENT + DIFFUSE * np.abs(normals @ LIGHT_DIRECTION)


def shade(colors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """sRGB `colors` (..., 3) in [0, 1] under the light: multiplied in linear space, returned as sRGB."""
    return linear_to_srgb(srgb_to_linear(colors) * diffuse_light(normals)[..., None])


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light in [0, 1], elementwise (IEC 61966-2-1)."""
    srgb = np.clip(srgb, 0.0, 1.0)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] to sRGB in [0, 1], elementwise (IEC 61966-2-1)."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
