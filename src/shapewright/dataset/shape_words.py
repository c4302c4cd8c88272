"""Words for an asset's proportions, outline and size, measured on it: round, tall, three-seater.

Only of kinds of things that people describe so, and only where the asset is clearly so: borders lie at the
lower and the upper third of the catalogue's assets of that kind, and what is between has no word.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull, QhullError

__all__ = ["proportion_words", "shape_words", "size_words"]

# Height over the longer horizontal side: (below this low, above this tall).
_HEIGHTS = {
    "bench": (0.35, np.inf), "bookcase": (0.7, 1.7), "bottle": (0.0, 3.2), "cabinet": (0.95, 1.6),
    "cup": (0.5, 1.3), "cupboard": (0.95, 1.6), "lamp": (0.0, 2.3), "plant": (0.86, 1.6),
    "shelf": (0.7, 1.7), "stool": (1.0, 1.8), "table": (0.42, 1.15), "tree": (0.0, 1.7),
    "vase": (1.2, 1.9), "wardrobe": (0.9, 1.5),
}  # fmt: skip
# Where the real height is known, in metres: low up to the first, tall from the second. A dining table for
# eight is not low, nor is a cabinet of two metres by three.
_METRES = {
    "bench": (0.35, np.inf), "bookcase": (1.2, 1.5), "cabinet": (1.2, 1.2), "cupboard": (1.2, 1.2),
    "lamp": (0.0, 1.2), "shelf": (1.2, 1.2), "stool": (0.5, 0.6), "table": (0.55, 0.95),
    "wardrobe": (1.2, 1.5),
}  # fmt: skip
_HUNG = frozenset(("upper", "wall"))  # as high as somebody hangs them
_FLAT_TOPS = frozenset(("table", "desk", "carpet", "rug"))
_TOP = 0.12  # of the height: what is seen of a table from above
# Share of its rectangle that an outline fills: an ellipse 0.785, a rectangle 1.
_ELLIPSE, _RECTANGLE = (0.74, 0.82), 0.93
_SQUARE, _LONG, _STRIP = 1.12, 1.9, 4.0  # longer over shorter side: at most, at least; no outline from
# Metres of width.
_SEATS = ((1.2, 1.75, "two-seater"), (1.9, 2.4, "three-seater"))
_DEEPEST_SEAT = 1.2  # beyond it, a sofa has a part to lie on, or goes round a corner
_BEDS = ((0.8, 1.2, "single"), (1.35, 2.1, "double"))
_NOT_MEASURED = {
    "sofa": frozenset(("corner", "opened", "open", "convertible", "futon")),
    "bed": frozenset(
        ("baby", "crib", "hammock", "bunk", "sleeping", "mezzanine", "day", "sofa", "opened", "convertible")
    ),
}


def shape_words(
    positions: np.ndarray, name: str, nouns: Sequence[str], dimensions_m: Sequence[float] | None
) -> tuple[str, ...]:
    """All that is to be said of an asset's cloud (N, 3), +Z up.

    dimensions_m: width, depth and height, None where they are not known.
    """
    height_m = None if dimensions_m is None else dimensions_m[2]
    proportions = proportion_words(positions, nouns, height_m)
    return proportions if dimensions_m is None else proportions + size_words(name, nouns, dimensions_m)


def proportion_words(
    positions: np.ndarray, nouns: Sequence[str], height_m: float | None = None
) -> tuple[str, ...]:
    """Adjectives for the shape of a cloud (N, 3), +Z up, of what is called `nouns`."""
    positions = positions.astype(np.float64)
    words = height_words(np.ptp(positions, axis=0), nouns, height_m)
    return tuple(words if _FLAT_TOPS.isdisjoint(nouns) else words + outline_words(positions))


def height_words(sides: np.ndarray, nouns: Sequence[str], height_m: float | None) -> list[str]:
    """Low or tall, if something of these `sides` (3,) is clearly so."""
    kind = next((noun for noun in nouns if noun in _HEIGHTS), None)
    if kind is None or max(sides[:2]) <= 0 or not _HUNG.isdisjoint(nouns[0].split()):
        return []
    (low, tall), (low_m, tall_m) = _HEIGHTS[kind], _METRES.get(kind, (np.inf, 0.0))
    height = float(sides[2] / max(sides[:2]))
    if height < low and (height_m is None or height_m <= low_m):
        return ["low"]
    return ["tall"] if height > tall and (height_m is None or height_m >= tall_m) else []


def outline_words(positions: np.ndarray) -> list[str]:
    """What the uppermost part of a cloud (N, 3) looks like from above."""
    z = positions[:, 2]
    top = positions[z >= z.max() - _TOP * np.ptp(z)][:, :2]
    sides = np.ptp(top, axis=0)
    if len(top) < 16 or min(sides) < 1e-3:
        return []
    try:
        filled = float(ConvexHull(top).volume / np.prod(sides))
    except QhullError:
        return []
    longer = float(max(sides) / min(sides))
    if longer > _STRIP:
        return []
    if _ELLIPSE[0] <= filled <= _ELLIPSE[1]:
        return ["round"] if longer <= _SQUARE else ["oval"]
    if filled < _RECTANGLE:
        return []
    return (
        ["square"] if longer <= _SQUARE else ["long", "rectangular"] if longer >= _LONG else ["rectangular"]
    )


def size_words(name: str, nouns: Sequence[str], dimensions: Sequence[float]) -> tuple[str, ...]:
    """Adjectives that follow from the real size: width, depth and height in metres."""
    words = set(name.lower().replace("'", " ").split())
    width, depth = dimensions[:2]
    if "sofa" in nouns and depth <= _DEEPEST_SEAT and _NOT_MEASURED["sofa"].isdisjoint(words):
        return fitting(width, _SEATS)
    if "bed" in nouns and _NOT_MEASURED["bed"].isdisjoint(words):
        return fitting(min(width, depth), _BEDS)
    return ()


def fitting(size: float, ranges: Sequence[tuple[float, float, str]]) -> tuple[str, ...]:
    return tuple(word for least, most, word in ranges if least <= size <= most)
