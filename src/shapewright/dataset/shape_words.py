"""Words for an asset's proportions, outline and size, measured on it: round, tall, three-seater.

Only of kinds of things that people describe so, and only where the asset is clearly so: borders lie at the
lower and the upper third of the catalogue's assets of that kind, and what is between has no word.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull, QhullError

__all__ = ["proportion_words", "size_words"]

# Height over the longer horizontal side: (below this low, above this tall).
_HEIGHTS = {
    "bench": (0.35, 0.6), "bookcase": (0.7, 1.7), "bottle": (2.3, 3.2), "cabinet": (0.95, 1.6),
    "cup": (0.5, 1.3), "cupboard": (0.95, 1.6), "lamp": (0.0, 2.3), "plant": (0.86, 1.6),
    "shelf": (0.7, 1.7), "stool": (1.0, 1.8), "table": (0.42, 1.15), "tree": (0.85, 1.7),
    "vase": (1.2, 1.9), "wardrobe": (0.9, 1.5),
}  # fmt: skip
_FLAT_TOPS = frozenset(("table", "desk", "carpet", "rug"))
_TOP = 0.12  # of the height: what is seen of a table from above
# Share of its rectangle that an outline fills: an ellipse 0.785, a rectangle 1.
_ELLIPSE, _RECTANGLE = (0.74, 0.82), 0.93
_SQUARE, _LONG, _STRIP = 1.12, 1.9, 4.0  # longer over shorter side: at most, at least; no outline from
# Metres of width.
_SEATS = ((1.2, 1.75, "two-seater"), (1.9, 2.4, "three-seater"))
_BEDS = ((0.8, 1.2, "single"), (1.35, 2.1, "double"))
_NOT_MEASURED = {
    "sofa": frozenset(("corner", "opened", "open", "convertible", "futon")),
    "bed": frozenset(
        ("baby", "crib", "hammock", "bunk", "sleeping", "mezzanine", "day", "sofa", "opened", "convertible")
    ),
}


def proportion_words(positions: np.ndarray, nouns: Sequence[str]) -> tuple[str, ...]:
    """Adjectives for the shape of a cloud (N, 3), +Z up, of what is called `nouns`."""
    sides = np.ptp(positions.astype(np.float64), axis=0)
    words: list[str] = []
    kind = next((noun for noun in nouns if noun in _HEIGHTS), None)
    if kind is not None and max(sides[:2]) > 0:
        low, tall = _HEIGHTS[kind]
        height = float(sides[2] / max(sides[:2]))
        words += ["low"] if height < low else ["tall"] if height > tall else []
    if not _FLAT_TOPS.isdisjoint(nouns):
        words += outline_words(positions.astype(np.float64))
    return tuple(words)


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
    """Adjectives that follow from the real size: width, depth and height in metres, where they are known."""
    words = set(name.lower().replace("'", " ").split())
    if len(dimensions) != 3:
        return ()
    width, depth = dimensions[:2]
    if "sofa" in nouns and _NOT_MEASURED["sofa"].isdisjoint(words):
        return fitting(width, _SEATS)
    if "bed" in nouns and _NOT_MEASURED["bed"].isdisjoint(words):
        return fitting(min(width, depth), _BEDS)
    return ()


def fitting(size: float, ranges: Sequence[tuple[float, float, str]]) -> tuple[str, ...]:
    return tuple(word for least, most, word in ranges if least <= size <= most)
