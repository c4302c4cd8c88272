"""Measures of a set of samples against a set of references: pure functions of distances and of features.

Shapes: S samples, R references, D numbers of a feature, K classes, N points of a cloud.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg import sqrtm

__all__ = [
    "SetDistance",
    "chamfer_distances",
    "diversity",
    "frechet_distance",
    "inception_score",
    "nearest_distances",
    "set_distance",
]

PAIRS_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class SetDistance:
    """Two sets of shapes compared by the distances between their members.

    coverage: share of the references that are the nearest one of some sample; 1 is best.
    minimum_matching: mean distance of a reference to its nearest sample; 0 is best.
    nearest_neighbour: share of all whose nearest other shape is of their own set: 0.5 where the sets cannot
    be told apart, 1 where they are apart.
    Source: Yang et al. (2019), "PointFlow", section 5.1.
    """

    coverage: float
    minimum_matching: float
    nearest_neighbour: float


def set_distance(across: np.ndarray, samples: np.ndarray, references: np.ndarray) -> SetDistance:
    """across (S, R), and the distances within each set, samples (S, S) and references (R, R)."""
    joined = np.block([[samples, across], [across.T, references]]).astype(np.float64)
    np.fill_diagonal(joined, np.inf)
    is_sample = np.arange(len(joined)) < len(samples)
    return SetDistance(
        coverage=len(np.unique(across.argmin(axis=1))) / across.shape[1],
        minimum_matching=float(across.min(axis=0).mean()),
        nearest_neighbour=float(np.mean(is_sample[joined.argmin(axis=1)] == is_sample)),
    )


def chamfer_distances(clouds: np.ndarray, references: np.ndarray) -> np.ndarray:
    """(S, R) chamfer distances of clouds (S, N, 3) and references (R, M, 3), as `metrics.surface_distance`'s.

    The mean distance to the other's nearest point, both ways averaged.
    """
    first, second = (
        torch.from_numpy(np.ascontiguousarray(each, np.float32)) for each in (clouds, references)
    )
    found = torch.empty(len(first), len(second))
    for i, cloud in enumerate(first):
        for part in torch.arange(len(second)).split(PAIRS_AT_ONCE):
            apart = torch.cdist(cloud[None], second[part])
            found[i, part] = (apart.amin(dim=2).mean(dim=1) + apart.amin(dim=1).mean(dim=1)) / 2
    return found.numpy()


def nearest_distances(across: np.ndarray) -> np.ndarray:
    """(S,): each sample's distance to the nearest reference. Of training assets: how new it is."""
    return across.min(axis=1)


def diversity(samples: np.ndarray) -> float:
    """Mean of all distances (S, S) between two different samples; 0 for fewer than two."""
    count = len(samples)
    return float(samples.sum() - np.trace(samples)) / (count * (count - 1)) if count > 1 else 0.0


def frechet_distance(features: np.ndarray, references: np.ndarray) -> float:
    """Of two Gaussians with the means and covariances of features (S, D) and (R, D); 0 is best.

    Source: Heusel et al. (2017), "GANs trained by a two time-scale update rule", equation 6; P-FID where the
    features are PointNet++'s (Point-E, section 5).
    """
    means = features.mean(axis=0) - references.mean(axis=0)
    first, second = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (features, references))
    mixed = np.real(sqrtm(first @ second))  # imaginary parts are rounding
    return float(means @ means + np.trace(first + second - 2 * mixed))


def inception_score(probabilities: np.ndarray) -> float:
    """exp of the mean KL divergence of class probabilities (S, K) from their mean; 1 to K, K is best.

    Source: Salimans et al. (2016), "Improved techniques for training GANs"; P-IS with PointNet++'s.
    """
    mean = probabilities.mean(axis=0, keepdims=True)
    logs = np.log(np.maximum(probabilities, 1e-12)) - np.log(np.maximum(mean, 1e-12))
    return float(np.exp((probabilities * logs).sum(axis=1).mean()))
