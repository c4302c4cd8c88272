"""Sets of clouds compared by a network whose features are known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.errors import DatasetError
from shapewright.evaluation.point_features import PointFeatures, compare_sets, in_batches

RNG = np.random.default_rng(0)


class Middle:
    """Sees the middle of a cloud, and whether it is left or right."""

    name = "middle"
    least_points = 4

    def see(self, clouds: np.ndarray) -> PointFeatures:
        middles = clouds.mean(axis=1)
        right = (middles[:, :1] > 0).astype(np.float64)
        return PointFeatures(features=middles, probabilities=np.concatenate([right, 1 - right], axis=1))


def clouds_around(middles: np.ndarray, points: int = 4) -> np.ndarray:
    return np.repeat(middles[:, None], points, axis=1)


def test_sets_are_compared_by_their_features() -> None:
    middles = RNG.normal(size=(500, 3))
    references = clouds_around(middles)
    sets = {
        "same": references,
        "moved": references + np.array([3, 0, 0]),
        "none": references[:0],
        "one": references[:1],
    }
    found = compare_sets(Middle(), sets, references)
    assert set(found) == {"same", "moved", "one"}
    assert found["same"].fid == pytest.approx(0, abs=1e-6)
    assert found["moved"].fid == pytest.approx(9)
    assert found["one"].fid is None
    assert found["same"].inception == pytest.approx(2, rel=0.01)  # as many left as right
    assert found["one"].inception == pytest.approx(1)
    assert (found["same"].clouds, found["one"].clouds) == (500, 1)


def test_the_floor_is_what_as_many_references_would_get() -> None:
    """References drawn at random are apart from all only by chance: few are farther off than many."""
    references = clouds_around(RNG.normal(size=(500, 3)))
    sets = {str(count): clouds_around(RNG.normal(size=(count, 3))) for count in (1, 10, 100, 500)}
    found = compare_sets(Middle(), sets, references)
    few, many = found["10"].floor, found["100"].floor
    assert few is not None
    assert many is not None
    # the bias falls as the number of clouds grows
    assert 3 * many < few < 2
    assert found["1"].floor is None
    assert found["500"].floor is None, "there are no more references than that"
    assert compare_sets(Middle(), sets, references) == found, "the draws are always the same"


def test_clouds_of_too_few_points() -> None:
    few = clouds_around(RNG.normal(size=(5, 3)), points=3)
    with pytest.raises(
        DatasetError, match="middle-FID needs clouds of at least 4 points; the data set's have 3"
    ):
        compare_sets(Middle(), {"same": few}, few)


def test_in_batches_is_as_all_at_once() -> None:
    sizes: list[int] = []

    def see(clouds: Tensor) -> tuple[Tensor, Tensor]:
        sizes.append(len(clouds))
        return clouds.mean(dim=1), clouds.sum(dim=1).softmax(dim=-1)

    clouds = RNG.normal(size=(5, 7, 3))
    found = in_batches(clouds, 2, see)
    assert sizes == [2, 2, 1]
    assert found.features == pytest.approx(clouds.mean(axis=1), abs=1e-6)
    assert found.probabilities == pytest.approx(
        torch.tensor(clouds.sum(axis=1)).softmax(dim=-1).numpy(), abs=1e-5
    )
