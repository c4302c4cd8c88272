"""Scores of sets of clouds, against the plain chamfer distance and cases whose answer is known."""

import numpy as np
import pytest

from benchmarks.scripts import script
from shapewright.evaluation.metrics import chamfer_matrix

SCORES = script("cloud_scores")


def clouds(count: int, seed: int, points: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, points, 3)).astype(np.float32)


def test_chamfers_are_those_of_the_plain_way() -> None:
    drawn, real = clouds(3, 0), clouds(70, 1, points=24)  # more than go into one product
    expected = chamfer_matrix(list(drawn.astype(np.float64)), list(real.astype(np.float64)))
    # fp32 distances by matrix products
    np.testing.assert_allclose(SCORES.chamfers(drawn, real), expected, atol=1e-4)


def test_a_cloud_that_is_not_there_is_far_from_everything() -> None:
    drawn = clouds(3, 0)
    drawn[1, 4, 2] = np.nan
    found = SCORES.chamfers(drawn, clouds(2, 1))
    assert np.isinf(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()
    assert np.isinf(SCORES.chamfers(clouds(2, 1), drawn)[:, 1]).all()


def of_sets(drawn: np.ndarray, real: np.ndarray):
    chamfers = SCORES.chamfers
    return SCORES.set_scores(chamfers(drawn, real), chamfers(drawn, drawn), chamfers(real, real))


def test_the_real_set_itself_covers_everything_at_no_distance() -> None:
    real = clouds(12, 2)
    found = of_sets(real.copy(), real)
    assert found.coverage == 1
    assert found.mmd == pytest.approx(0, abs=1e-3)
    # the nearest other of each is its twin in the other set
    assert found.nearest_neighbor == 0


def test_sets_that_are_far_apart_are_told_apart() -> None:
    found = of_sets(clouds(10, 3) + 50, clouds(10, 4))
    assert found.nearest_neighbor == 1
    assert found.mmd > 50


def test_sets_of_one_kind_are_hardly_told_apart() -> None:
    found = of_sets(clouds(100, 5), clouds(100, 6))
    # a share of 200 fair coins: four standard deviations are 0.14
    assert found.nearest_neighbor == pytest.approx(0.5, abs=0.14)


def test_one_cloud_again_and_again_covers_one() -> None:
    real = clouds(10, 7)
    found = of_sets(np.repeat(real[:1], 10, axis=0), real)
    assert found.coverage == pytest.approx(0.1)


def test_samples_without_a_surface_cover_nothing_and_are_told_apart() -> None:
    drawn = clouds(4, 8)
    drawn[:2] = np.nan
    found = of_sets(drawn, clouds(4, 9))
    assert found.coverage <= 0.5
    assert np.isfinite(found.mmd)
    nowhere = of_sets(np.full((4, 20, 3), np.nan, dtype=np.float32), clouds(4, 9))
    assert (nowhere.coverage, nowhere.nearest_neighbor) == (0, 1)
