import numpy as np

from shapewright.geometry.placement import standing


def test_the_base_is_on_the_ground_and_centred_and_the_height_as_asked():
    points = np.random.default_rng(0).random((50, 3)) * [2.0, 1.0, 4.0] - 0.7
    placed = standing(points, 0.9)
    np.testing.assert_allclose(placed.max(axis=0)[2] - placed.min(axis=0)[2], 0.9, rtol=1e-6)
    assert placed[:, 2].min() == 0
    np.testing.assert_allclose((placed.min(axis=0) + placed.max(axis=0))[:2], 0, atol=1e-6)


def test_proportions_stay():
    points = np.random.default_rng(1).random((50, 3))
    placed = standing(points, 3.0)
    np.testing.assert_allclose(
        np.ptp(placed, axis=0) / np.ptp(points, axis=0), 3.0 / np.ptp(points[:, 2]), rtol=1e-5
    )
