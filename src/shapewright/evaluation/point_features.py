"""What networks see in point clouds, and sets of clouds compared by it: P-FID and P-IS, and their like.

Shapes: S clouds, N points, F features, L classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import DatasetError
from shapewright.evaluation.generation_metrics import frechet_distance, inception_score

__all__ = ["PointFeatures", "PointNetwork", "SetScores", "compare_sets", "in_batches"]

FLOOR_DRAWS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class PointFeatures:
    """features (S, F) and class probabilities (S, L)."""

    features: np.ndarray
    probabilities: np.ndarray


@runtime_checkable
class PointNetwork(Protocol):
    """A classifier of clouds. `name` is what stands before -FID and -IS where results are reported."""

    @property
    def name(self) -> str: ...

    @property
    def least_points(self) -> int:
        """Which every cloud must have."""
        ...

    def see(self, clouds: np.ndarray) -> PointFeatures:
        """Of (S, N, 3) points."""
        ...


@dataclass(frozen=True, kw_only=True)
class SetScores:
    """fid: Frechet distance of features to those of the references, None for fewer than two clouds.

    floor: the same of as many references drawn at random, None where there are no more than that: the bias
    of so few clouds, which is large for tens of them. inception: inception score of the probabilities, which
    grows with the number of clouds.
    """

    clouds: int
    fid: float | None
    floor: float | None
    inception: float


def compare_sets(
    network: PointNetwork, sets: dict[str, np.ndarray], references: np.ndarray
) -> dict[str, SetScores]:
    """Every set of clouds (S, N, 3) that is not empty, by its name, against the references (R, N, 3).

    Raises: DatasetError for clouds of too few points.
    """
    if references.shape[1] < network.least_points:
        raise DatasetError(
            f"{network.name}-FID needs clouds of at least {network.least_points} points; the data set's have "
            f"{references.shape[1]}."
        )
    expected = network.see(references)
    found: dict[str, SetScores] = {}
    for name, clouds in sets.items():
        if not len(clouds):
            continue
        seen = network.see(clouds)
        several = len(clouds) > 1 and len(references) > 1
        found[name] = SetScores(
            clouds=len(clouds),
            fid=frechet_distance(seen.features, expected.features) if several else None,
            floor=floor_of(expected.features, len(clouds)),
            inception=inception_score(seen.probabilities),
        )
    return found


def floor_of(references: np.ndarray, count: int) -> float | None:
    """The mean Frechet distance of `count` of the references (R, F) to all of them, over some draws."""
    if not 1 < count < len(references):
        return None
    rng = np.random.default_rng(0)
    draws = [references[rng.permutation(len(references))[:count]] for _ in range(FLOOR_DRAWS)]
    return float(np.mean([frechet_distance(drawn, references) for drawn in draws]))


@torch.no_grad()
def in_batches(
    clouds: Float[np.ndarray, "s n 3"], size: int, see: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> PointFeatures:
    """What `see` says of all clouds, `size` at a time."""
    parts = [see(part) for part in torch.from_numpy(np.ascontiguousarray(clouds, np.float32)).split(size)]
    features, probabilities = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return PointFeatures(features=features, probabilities=probabilities)
