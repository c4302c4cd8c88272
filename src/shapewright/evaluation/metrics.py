"""Measures of reconstructions and samples: pure functions of arrays."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

__all__ = ["SurfaceDistance", "chamfer_matrix", "psnr_db", "surface_distance"]


def psnr_db(image: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two pictures with values in [0, 1]; equal ones give inf."""
    error = float(np.mean((image.astype(np.float64) - reference.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else -10 * np.log10(error)


@dataclass(frozen=True, kw_only=True)
class SurfaceDistance:
    """Two surfaces compared by points on them.

    chamfer: mean distance to the other's nearest point, both ways averaged, in world units.
    fscore: harmonic mean of precision and recall at the threshold, in [0, 1].
    """

    chamfer: float
    fscore: float


def surface_distance(
    points: np.ndarray, reference: np.ndarray, *, threshold: float = 0.02
) -> SurfaceDistance:
    """Chamfer distance and F-score of (N, 3) points against (M, 3) reference points.

    The default threshold is 1% of the box's side. Source: Tatarchenko et al. 2019 for the F-score.
    """
    to_reference, _ = KDTree(reference).query(points)
    to_points, _ = KDTree(points).query(reference)
    precision, recall = float(np.mean(to_reference < threshold)), float(np.mean(to_points < threshold))
    total = precision + recall
    return SurfaceDistance(
        chamfer=float((to_reference.mean() + to_points.mean()) / 2),
        fscore=2 * precision * recall / total if total else 0.0,
    )


def chamfer_matrix(clouds: list[np.ndarray], references: list[np.ndarray]) -> np.ndarray:
    """(len(clouds), len(references)) chamfer distances; points may carry colours as further columns."""
    reference_trees = [KDTree(r) for r in references]
    result = np.empty((len(clouds), len(references)))
    for i, cloud in enumerate(clouds):
        tree = KDTree(cloud)
        for j, (reference, reference_tree) in enumerate(zip(references, reference_trees, strict=True)):
            result[i, j] = (reference_tree.query(cloud)[0].mean() + tree.query(reference)[0].mean()) / 2
    return result
