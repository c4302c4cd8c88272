"""Variations of an asset for training: mirrored, stretched, turned, recoloured. Pure functions.

Positions may carry further columns (a point cloud's colours): only the first three are changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.dataset.colors import COLOR_NAMES, name_colors, oklab_to_srgb, srgb_to_oklab
from shapewright.geometry.light import AMBIENT

__all__ = [
    "Recolor",
    "choose_recolor",
    "mirror",
    "mirror_normals",
    "recolor",
    "recolor_lit",
    "scale_axes",
    "scale_distances",
    "scale_normals",
    "turn",
]

# Typical sRGB colours for the names; targets are drawn around them.
_PROTOTYPES = {
    "black": (0.07, 0.07, 0.08), "white": (0.93, 0.93, 0.92), "grey": (0.52, 0.52, 0.53),
    "brown": (0.42, 0.26, 0.14), "beige": (0.86, 0.78, 0.65), "red": (0.75, 0.08, 0.09),
    "orange": (0.95, 0.50, 0.10), "yellow": (0.95, 0.82, 0.15), "green": (0.17, 0.55, 0.22),
    "blue": (0.13, 0.31, 0.76), "purple": (0.46, 0.17, 0.62), "pink": (0.95, 0.56, 0.72),
}  # fmt: skip
_LIGHTNESS_WEIGHT = 0.5  # shading and texture vary lightness more than hue
_INNER, _OUTER = 0.09, 0.15  # distances from the main colour: fully changed up to, unchanged from
_LOWEST_SHARE = 0.3  # of the points that must carry the main colour


def mirror(positions: np.ndarray) -> np.ndarray:
    """Positions (N, 3 or more) with x negated."""
    mirrored = positions.copy()
    mirrored[:, 0] = -mirrored[:, 0]
    return mirrored


def mirror_normals(normals: np.ndarray) -> np.ndarray:
    """Normals (N, 3) of a mirrored surface; outward stays outward."""
    return mirror(normals)


def scale_axes(positions: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Positions (N, 3 or more) stretched by `factors` (3,); keep the surface in the box."""
    scaled = positions.copy()
    scaled[:, :3] = scaled[:, :3] * np.asarray(factors)
    return scaled


def scale_normals(normals: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Unit normals (N, 3) of a stretched surface: by the inverse transpose."""
    scaled = normals / np.asarray(factors)
    return scaled / np.maximum(np.linalg.norm(scaled, axis=-1, keepdims=True), 1e-12)


def scale_distances(distances: np.ndarray, normals: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Signed distances (N,) after a stretch, to first order: that of a plane with the old `normals` (N, 3).

    Exact on flat surfaces; the sign never changes.
    """
    return distances / np.maximum(np.linalg.norm(normals / np.asarray(factors), axis=-1), 1e-12)


def turn(positions: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Positions (N, 3 or more), or normals, turned by a matrix (3, 3)."""
    turned = positions.copy()
    turned[:, :3] = positions[:, :3] @ np.asarray(rotation).T
    return turned


@dataclass(frozen=True, kw_only=True)
class Recolor:
    """A change of the main colour, made once for an asset and applied to its points and queries alike."""

    source: np.ndarray  # (3,) Oklab, the main colour
    target: np.ndarray  # (3,) Oklab
    to_color: str  # the name of the new colour, of COLOR_NAMES
    share: float  # of the points that carry the main colour


def choose_recolor(rgb: np.ndarray, rng: np.random.Generator, to_color: str | None = None) -> Recolor | None:
    """A new colour (random, or `to_color`) for the main one of points (N, 3); None if no colour prevails."""
    names = name_colors(rgb)
    counts = np.bincount(names, minlength=len(COLOR_NAMES))
    main = int(counts.argmax())
    source = np.median(srgb_to_oklab(rgb[names == main]), axis=0)
    share = float(_membership(srgb_to_oklab(rgb), source).mean())
    if share < _LOWEST_SHARE:
        return None
    others = [name for index, name in enumerate(COLOR_NAMES) if index != main]
    name = to_color or others[rng.integers(len(others))]
    return Recolor(source=source, target=_draw(name, rng), to_color=name, share=share)


def _draw(name: str, rng: np.random.Generator) -> np.ndarray:
    """An Oklab colour that bears `name`."""
    prototype = srgb_to_oklab(np.array(_PROTOTYPES[name]))
    # A grey with a visible hue is no longer one.
    spread = 0.004 if name in ("black", "white", "grey") else 0.02
    for _ in range(16):
        drawn = prototype + rng.normal(scale=(0.04, spread, spread))
        if COLOR_NAMES[int(name_colors(oklab_to_srgb(drawn[None]))[0])] == name:
            return drawn
    return prototype


def _membership(lab: np.ndarray, source: np.ndarray) -> np.ndarray:
    """How much each colour (N, 3) belongs to the main one: 1 near it, 0 far away, smooth between."""
    distance = np.linalg.norm((lab - source) * (_LIGHTNESS_WEIGHT, 1.0, 1.0), axis=-1)
    part = np.clip((_OUTER - distance) / (_OUTER - _INNER), 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)


def recolor(rgb: np.ndarray, change: Recolor) -> np.ndarray:
    """sRGB (N, 3) in [0, 1] with the main colour exchanged; shading and texture on it, and the rest, stay."""
    lab = srgb_to_oklab(rgb)
    return oklab_to_srgb(lab + _shift(lab, change)).astype(rgb.dtype)


def recolor_lit(rgb: np.ndarray, change: Recolor) -> np.ndarray:
    """The same for pixels (N, 3) of a view, which are darkened by the light on them, by an unknown amount."""
    lab, source = srgb_to_oklab(rgb), change.source
    # Light multiplies linear colour, so Oklab by the cube root. Of what is possible, take the light under
    # which the main colour would come nearest to the pixel's.
    light = np.clip(lab @ source / max(float(source @ source), 1e-9), np.cbrt(AMBIENT), 1.0)[:, None]
    return oklab_to_srgb(lab + light * _shift(lab / light, change)).astype(rgb.dtype)


def _shift(lab: np.ndarray, change: Recolor) -> np.ndarray:
    """By how much each Oklab colour (N, 3) moves."""
    member = _membership(lab, change.source)[:, None]
    detail = lab - change.source
    # Near black and white there is little room for lighter and darker: detail shrinks to fit.
    room = min(1.0, 2.2 * float(min(change.target[0], 1.02 - change.target[0])))
    moved = change.target + detail * (room, 0.6, 0.6)
    return member * (moved - lab)
