"""Words that follow from an asset's shape and size."""

import numpy as np
import pytest

from shapewright.dataset.shape_words import proportion_words, size_words

RNG = np.random.default_rng(0)


def slab(width: float, depth: float) -> np.ndarray:
    """The top of a table and four legs."""
    top = RNG.uniform(-1, 1, (2000, 3)) * (width / 2, depth / 2, 0.02) + (0, 0, 0.4)
    corners = np.array([(x, y, 0) for x in (-0.3, 0.3) for y in (-0.3, 0.3)]) * (width, depth, 1)
    legs = corners[RNG.integers(4, size=400)] + RNG.uniform(-1, 1, (400, 3)) * (0.02, 0.02, 0.4)
    return np.concatenate([top, legs])


def disc(width: float, depth: float) -> np.ndarray:
    points = slab(width, depth)
    inside = ((points[:, :2] / (width / 2, depth / 2)) ** 2).sum(axis=1) <= 1
    return points[inside]


@pytest.mark.parametrize(
    ("cloud", "words"),
    [
        (disc(1.2, 1.2), ("round",)),
        (disc(1.6, 0.9), ("oval",)),
        (slab(1.2, 1.2), ("square",)),
        (slab(1.5, 1.0), ("rectangular",)),
        (slab(2.4, 1.0), ("low", "long", "rectangular")),
    ],
)
def test_tables_by_their_outline(cloud: np.ndarray, words: tuple[str, ...]) -> None:
    assert proportion_words(cloud, ["coffee table", "table"]) == words
    assert proportion_words(cloud, ["car"]) == (), "nobody calls a car rectangular"


def test_what_is_no_clear_outline_has_no_word() -> None:
    corner = slab(1.2, 1.2)
    corner = corner[(corner[:, 0] < 0) | (corner[:, 1] < 0)]
    assert proportion_words(corner, ["desk"]) == ()


@pytest.mark.parametrize(("height", "words"), [(3.0, ("tall",)), (1.2, ()), (0.5, ("low",))])
def test_bookcases_by_their_height(height: float, words: tuple[str, ...]) -> None:
    box = RNG.uniform(-1, 1, (500, 3)) * (0.5, 0.2, height / 2)
    assert proportion_words(box, ["bookcase", "shelf"]) == words


@pytest.mark.parametrize(
    ("name", "nouns", "dimensions", "words"),
    [
        ("Sofa", ["sofa", "couch"], [1.6, 0.8, 0.8], ("two-seater",)),
        ("Sofa 3 seats", ["sofa", "couch"], [2.2, 0.8, 0.8], ("three-seater",)),
        ("Sofa", ["sofa", "couch"], [1.8, 0.8, 0.8], ()),
        ("Corner sofa", ["corner sofa", "sofa"], [2.3, 1.4, 0.8], ()),
        ("Bed", ["bed"], [1.7, 2.1, 1.1], ("double",)),
        ("Captain's bed", ["captain's bed", "bed"], [0.98, 2.1, 0.9], ("single",)),
        ("Bunk bed", ["bunk bed", "bed"], [1.1, 2.0, 1.6], ()),
        ("Baby bed", ["baby bed", "bed"], [0.9, 1.2, 0.8], ()),
        ("Bed", ["bed"], [], ()),
        ("Car", ["car"], [1.6, 4.0, 1.5], ()),
    ],
)
def test_sofas_and_beds_by_their_width(
    name: str, nouns: list[str], dimensions: list[float], words: tuple[str, ...]
) -> None:
    assert size_words(name, nouns, dimensions) == words
