"""Colour names: a small vocabulary, and which of them an object's points carry."""

from __future__ import annotations

import numpy as np

from shapewright.geometry.light import linear_to_srgb, srgb_to_linear

__all__ = ["COLOR_NAMES", "color_shares", "dominant_color", "name_colors", "oklab_to_srgb", "srgb_to_oklab"]

COLOR_NAMES = (
    "black", "white", "grey", "brown", "beige", "red",
    "orange", "yellow", "green", "blue", "purple", "pink",
)  # fmt: skip

# Source: Ottosson 2020, "A perceptual color space for image processing" (Oklab).
_LMS = np.array(
    [[0.4122214708, 0.5363325363, 0.0514459929],
     [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_LAB = np.array(
    [[0.2104542553, 0.7936177850, -0.0040720468],
     [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip
_LMS_INVERSE, _LAB_INVERSE = np.linalg.inv(_LMS), np.linalg.inv(_LAB)


def srgb_to_oklab(srgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) in [0, 1] to Oklab (lightness in [0, 1], a, b)."""
    return np.cbrt(srgb_to_linear(srgb) @ _LMS.T) @ _LAB.T


def oklab_to_srgb(oklab: np.ndarray) -> np.ndarray:
    """Oklab (..., 3) to sRGB in [0, 1]; colours outside the gamut are clipped."""
    return linear_to_srgb((oklab @ _LAB_INVERSE.T) ** 3 @ _LMS_INVERSE.T)


def name_colors(srgb: np.ndarray) -> np.ndarray:
    """Indices (N, ...) into COLOR_NAMES of colours (N, ..., 3): greys by lightness, the rest by hue."""
    lab = srgb_to_oklab(srgb)
    light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360.0
    grey = np.select([light < 0.33, light > 0.84], [_index("black"), _index("white")], _index("grey"))
    # Dark colours look grey at a chroma at which light ones are already vivid, hence two limits.
    is_grey = (chroma < 0.028) | ((light < 0.25) & (chroma < 0.05)) | (light < 0.14)
    return np.where(is_grey, grey, _by_hue(hue, light, chroma))


def _by_hue(hue: np.ndarray, light: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    warm = (hue >= 35.0) & (hue < 112.0)
    beige = warm & (light > 0.72) & (chroma < 0.085)
    white = (light > 0.93) & (chroma < 0.045)
    pale_red = ((hue < 35.0) | (hue >= 345.0)) & (light > 0.68) & (chroma < 0.17)
    dull_red = (hue >= 20.0) & (hue < 42.0) & (chroma < 0.11) & (light < 0.62)
    orange_brown = (hue >= 40.0) & (hue < 75.0) & ((light < 0.62) | (chroma < 0.105))
    yellow_brown = (hue >= 75.0) & (hue < 108.0) & ((light < 0.60) | (chroma < 0.075))
    conditions = (
        (white, "white"), (beige, "beige"), (pale_red, "pink"), (dull_red, "brown"),
        (orange_brown, "brown"), (yellow_brown, "brown"), (hue < 40.0, "red"), (hue < 80.0, "orange"),
        (hue < 116.0, "yellow"), (hue < 180.0, "green"), (hue < 285.0, "blue"), (hue < 325.0, "purple"),
        (hue < 360.0, "pink"),
    )  # fmt: skip
    return np.select([mask for mask, _ in conditions], [_index(name) for _, name in conditions])


def color_shares(srgb: np.ndarray) -> dict[str, float]:
    """The share of points (N, 3) that carry each colour name, most common first."""
    counts = np.bincount(name_colors(srgb), minlength=len(COLOR_NAMES)) / max(len(srgb), 1)
    order = np.argsort(-counts, kind="stable")
    return {COLOR_NAMES[index]: float(counts[index]) for index in order if counts[index] > 0}


def dominant_color(srgb: np.ndarray) -> str:
    """The colour name a person would use for points (N, 3): the most common one."""
    return next(iter(color_shares(srgb)))


def _index(name: str) -> int:
    return COLOR_NAMES.index(name)
