import numpy as np
import pytest

from shapewright.dataset.augment import (
    choose_recolor,
    mirror,
    mirror_normals,
    recolor,
    scale_axes,
    scale_distances,
    scale_normals,
)
from shapewright.dataset.colors import COLOR_NAMES, dominant_color, name_colors, srgb_to_oklab

RNG = np.random.default_rng(0)


def two_tone() -> np.ndarray:
    """Points of a red thing in light and shade, with blue parts."""
    red = np.array([0.7, 0.1, 0.1]) * RNG.uniform(0.7, 1.1, size=(800, 1))
    return np.concatenate([red, np.tile([0.1, 0.2, 0.8], (200, 1))]).astype(np.float32)


def test_mirror_is_its_own_inverse_and_leaves_colours():
    points = RNG.random((10, 6))
    np.testing.assert_array_equal(mirror(points)[:, 1:], points[:, 1:])
    np.testing.assert_array_equal(mirror(mirror(points)), points)
    np.testing.assert_array_equal(mirror_normals(points[:, :3])[:, 0], -points[:, 0])


def test_stretching_keeps_normals_across_tangents():
    factors = np.array([0.5, 1.2, 0.9])
    normals = RNG.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    tangents = np.cross(normals, RNG.normal(size=(50, 3)))
    stretched = scale_normals(normals, factors)
    np.testing.assert_allclose(np.einsum("nc,nc->n", stretched, scale_axes(tangents, factors)), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(stretched, axis=1), 1)


def test_stretched_distances_are_exact_beside_a_plane():
    factors = np.array([0.5, 1.2, 0.9])
    normal = np.array([0.6, 0.0, 0.8])
    queries = RNG.uniform(-1, 1, size=(50, 3))
    distances = queries @ normal  # plane through the origin
    new_normal = scale_normals(normal[None], factors)[0]
    expected = scale_axes(queries, factors) @ new_normal
    np.testing.assert_allclose(
        scale_distances(distances, np.tile(normal, (50, 1)), factors), expected, atol=1e-12
    )


@pytest.mark.parametrize("name", COLOR_NAMES)
def test_the_main_colour_changes_and_the_rest_stays(name):
    colors = two_tone()
    change = choose_recolor(colors, np.random.default_rng(1), to_color=name)
    changed = recolor(colors, change)
    assert change.to_color == name
    assert change.share == pytest.approx(0.8, abs=0.05)
    assert dominant_color(changed[:800]) == name
    np.testing.assert_allclose(changed[800:], colors[800:], atol=1e-4)
    assert changed.dtype == np.float32
    assert ((changed >= 0) & (changed <= 1)).all()


def test_light_and_shade_stay_in_order():
    colors = two_tone()
    change = choose_recolor(colors, np.random.default_rng(1), to_color="green")
    before, after = srgb_to_oklab(colors[:800])[:, 0], srgb_to_oklab(recolor(colors, change)[:800])[:, 0]
    assert np.corrcoef(before, after)[0, 1] > 0.95
    assert after.std() > 0.3 * before.std()


def test_a_random_choice_differs_from_the_main_colour_and_follows_the_seed():
    colors = two_tone()
    names = [choose_recolor(colors, np.random.default_rng(seed)).to_color for seed in range(60)]
    assert "red" not in names
    assert len(set(names)) > 8
    assert names[0] == choose_recolor(colors, np.random.default_rng(0)).to_color


def test_without_a_prevailing_colour_nothing_is_chosen():
    confetti = np.random.default_rng(0).random((2000, 3))
    assert choose_recolor(confetti, np.random.default_rng(0)) is None


def test_few_points_decide_for_many():
    colors = two_tone()
    change = choose_recolor(colors[::10], np.random.default_rng(2), to_color="blue")
    assert (name_colors(recolor(colors, change)) == COLOR_NAMES.index("blue")).mean() > 0.9
