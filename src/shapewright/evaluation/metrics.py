"""Measures of reconstructions and samples: pure functions of arrays."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import KDTree

__all__ = [
    "SurfaceDistance",
    "chamfer_matrix",
    "normal_consistency",
    "psnr_db",
    "ssim",
    "surface_distance",
    "volume_iou",
]


def psnr_db(image: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two pictures with values in [0, 1]; equal ones give inf."""
    error = float(np.mean((image.astype(np.float64) - reference.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else -10 * np.log10(error)


def ssim(image: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity, at most 1, of two (H, W, 3) pictures with values in [0, 1].

    The mean over all pixels and channels, with a Gaussian window 1.5 pixels wide (11 x 11); pictures are
    mirrored at their borders. Source: Wang et al. 2004.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # 1.6 s to import

    made, wanted = (
        torch.from_numpy(np.ascontiguousarray(picture, dtype=np.float64)).permute(2, 0, 1)[None]
        for picture in (image, reference)
    )
    # of every pixel: the mean that comes with them leaves out the borders in some versions
    _, pixels = structural_similarity_index_measure(
        made, wanted, sigma=1.5, data_range=1.0, return_full_image=True
    )
    return float(pixels.mean())


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


def normal_consistency(
    points: np.ndarray, normals: np.ndarray, reference: np.ndarray, reference_normals: np.ndarray
) -> float:
    """How alike two surfaces are turned, in [0, 1]: (N, 3) points with unit normals against (M, 3) ones.

    The mean |cosine| between a point's normal and that of the other surface's nearest point, both ways
    averaged. Source: Mescheder et al. 2019 (Occupancy Networks).
    """
    _, to_reference = KDTree(reference).query(points)
    _, to_points = KDTree(points).query(reference)
    there = np.abs(np.einsum("nc,nc->n", normals, reference_normals[to_reference]))
    back = np.abs(np.einsum("nc,nc->n", reference_normals, normals[to_points]))
    return float((there.mean() + back.mean()) / 2)


def volume_iou(inside: np.ndarray, reference: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Intersection over union of two solids from (N,) answers at the same points; 1 if both are empty.

    weights: how much of the box each point stands for; all alike if not given.
    """
    volumes = np.ones(len(inside)) if weights is None else weights
    union = float(volumes[inside | reference].sum())
    return float(volumes[inside & reference].sum()) / union if union else 1.0


def chamfer_matrix(clouds: list[np.ndarray], references: list[np.ndarray]) -> np.ndarray:
    """(len(clouds), len(references)) chamfer distances; points may carry colours as further columns."""
    reference_trees = [KDTree(r) for r in references]
    result = np.empty((len(clouds), len(references)))
    for i, cloud in enumerate(clouds):
        tree = KDTree(cloud)
        for j, (reference, reference_tree) in enumerate(zip(references, reference_trees, strict=True)):
            result[i, j] = (reference_tree.query(cloud)[0].mean() + tree.query(reference)[0].mean()) / 2
    return result
