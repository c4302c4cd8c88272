"""Measures of sets of samples: closed forms, and other people's code."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from shapewright.evaluation.generation_metrics import (
    chamfer_distances,
    diversity,
    frechet_distance,
    inception_score,
    nearest_distances,
    set_distance,
)
from shapewright.evaluation.metrics import surface_distance

RNG = np.random.default_rng(0)


def distances(samples: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return cdist(samples, references), cdist(samples, samples), cdist(references, references)


def test_the_same_set_is_covered_and_matched() -> None:
    points = RNG.normal(size=(20, 2))
    found = set_distance(*distances(points, points))
    assert found.coverage == 1
    assert found.minimum_matching == 0
    assert found.nearest_neighbour == 0, "each one's nearest other is its twin in the other set"


def test_one_sample_over_and_over_covers_one_reference() -> None:
    references = np.array([[0.0], [10.0], [20.0], [30.0]])
    found = set_distance(*distances(np.array([[1.0], [1.0]]), references))
    assert found.coverage == 1 / 4
    assert found.minimum_matching == pytest.approx((1 + 9 + 19 + 29) / 4)
    # both samples have each other; 0 has a sample, 10 has a sample at 9, 20 and 30 a reference
    assert found.nearest_neighbour == pytest.approx(4 / 6)


def test_sets_of_one_distribution_cannot_be_told_apart_and_others_can() -> None:
    first, second = RNG.normal(size=(2, 400, 3))
    assert set_distance(*distances(first, second)).nearest_neighbour == pytest.approx(0.5, abs=0.05)
    assert set_distance(*distances(first, second + 20)).nearest_neighbour == 1


def test_chamfer_distances_are_those_of_two_trees() -> None:
    clouds, references = RNG.uniform(-1, 1, (3, 64, 3)), RNG.uniform(-1, 1, (5, 48, 3))
    found = chamfer_distances(clouds, references)
    for i, cloud in enumerate(clouds):
        for j, reference in enumerate(references):
            assert found[i, j] == pytest.approx(surface_distance(cloud, reference).chamfer, rel=1e-4)
    assert nearest_distances(found) == pytest.approx(found.min(axis=1))


def test_many_references_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    clouds, references = RNG.uniform(-1, 1, (2, 16, 3)), RNG.uniform(-1, 1, (7, 16, 3))
    whole = chamfer_distances(clouds, references)
    monkeypatch.setattr("shapewright.evaluation.generation_metrics.PAIRS_AT_ONCE", 3)
    assert np.array_equal(chamfer_distances(clouds, references), whole)


def test_diversity_is_the_mean_distance_of_two() -> None:
    points = np.array([[0.0], [1.0], [3.0]])
    assert diversity(cdist(points, points)) == pytest.approx((1 + 3 + 2) / 3)
    assert diversity(np.zeros((1, 1))) == 0


def test_the_frechet_distance_of_gaussians_apart() -> None:
    """Independent numbers: means apart by d, deviations s and t: |d|^2 + sum (s - t)^2."""
    normal = RNG.normal(size=(200_000, 2))
    found = frechet_distance(normal * (1.0, 2.0), normal[::-1] * (3.0, 2.5) + (1.0, -2.0))
    assert found == pytest.approx(1 + 4 + 4 + 0.25, rel=0.01)
    assert frechet_distance(normal[:500], normal[:500]) == pytest.approx(0, abs=1e-6)


def test_inception_scores_from_1_to_the_number_of_classes() -> None:
    assert inception_score(np.full((10, 4), 0.25)) == pytest.approx(1)
    assert inception_score(np.eye(4)[RNG.permutation(np.arange(4).repeat(5))]) == pytest.approx(4)
    assert inception_score(np.eye(4)[:1].repeat(8, axis=0)) == pytest.approx(1), "sure, but always the same"
