import numpy as np
import pytest

from shapewright.dataset.colors import (
    COLOR_NAMES,
    color_shares,
    dominant_color,
    name_colors,
    oklab_to_srgb,
    srgb_to_oklab,
)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"), ((30, 30, 32), "black"), ((255, 255, 255), "white"), ((240, 238, 235), "white"),
        ((128, 128, 128), "grey"), ((175, 175, 175), "grey"), ((255, 0, 0), "red"), ((150, 20, 25), "red"),
        ((255, 128, 0), "orange"), ((255, 230, 0), "yellow"), ((0, 128, 0), "green"), ((60, 90, 40), "green"),
        ((0, 0, 255), "blue"), ((100, 160, 220), "blue"), ((20, 30, 90), "blue"), ((128, 0, 160), "purple"),
        ((255, 150, 200), "pink"), ((240, 60, 160), "pink"),
        ((101, 67, 33), "brown"), ((139, 90, 43), "brown"),
        ((160, 120, 80), "brown"), ((245, 222, 179), "beige"), ((225, 205, 170), "beige"),
    ],
)  # fmt: skip
def test_names_a_person_would_use(rgb, name):
    assert COLOR_NAMES[int(name_colors(np.array([rgb]) / 255)[0])] == name


def test_every_colour_has_a_name():
    levels = np.linspace(0, 1, 12)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1)
    names = name_colors(grid)
    assert names.shape == grid.shape[:-1]
    assert set(np.unique(names)) == set(range(len(COLOR_NAMES)))


def test_oklab_round_trip_and_white():
    colors = np.random.default_rng(0).random((100, 3))
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(colors)), colors, atol=1e-6)
    np.testing.assert_allclose(srgb_to_oklab(np.ones(3)), [1, 0, 0], atol=1e-4)


def test_shares_and_dominant_colour():
    colors = np.array([[1, 0, 0]] * 6 + [[0, 0, 1]] * 3 + [[1, 1, 1]])
    assert color_shares(colors) == {"red": 0.6, "blue": 0.3, "white": 0.1}
    assert dominant_color(colors) == "red"
