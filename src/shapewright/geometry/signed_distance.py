"""Signed distances to messy triangle soups: exact distance, sign by the generalised winding number."""

from __future__ import annotations

from dataclasses import dataclass

import igl
import numpy as np

__all__ = ["NearestSurface", "nearest_surface", "winding_number"]


@dataclass(frozen=True, kw_only=True)
class NearestSurface:
    """For N queries: the distance to the surface, and the place there that is nearest."""

    distance: np.ndarray  # (N,) float64, not negative
    face_index: np.ndarray  # (N,) int64
    points: np.ndarray  # (N, 3) float64
    barycentric: np.ndarray  # (N, 3) float32


def nearest_surface(vertices: np.ndarray, faces: np.ndarray, queries: np.ndarray) -> NearestSurface:
    """The nearest surface point of each query (N, 3). Faces must not be degenerate."""
    vertices, faces, queries = _for_igl(vertices, faces, queries)
    # np.asarray only tells the type checker what libigl's stubs leave open.
    found = igl.point_mesh_squared_distance(queries, vertices, faces)
    squared, face_index, points = (np.asarray(part) for part in found)
    corners = vertices[faces[face_index]]
    return NearestSurface(
        distance=np.sqrt(np.maximum(squared, 0.0)),
        face_index=face_index,
        points=points,
        barycentric=_barycentric(points, corners),
    )


def winding_number(vertices: np.ndarray, faces: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Generalised winding number (N,): about 1 (or -1, for inverted faces) inside, 0 outside.

    Source: Barill et al. 2018, "Fast Winding Numbers for Soups and Clouds".
    """
    return np.asarray(igl.fast_winding_number(*_for_igl(vertices, faces, queries)))


def _for_igl(
    vertices: np.ndarray, faces: np.ndarray, queries: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.ascontiguousarray(vertices, dtype=np.float64),
        np.ascontiguousarray(faces, dtype=np.int64),
        np.ascontiguousarray(queries, dtype=np.float64),
    )


def _barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights (N, 3), clipped to the triangle, of `points` (N, 3) in `corners` (N, 3, 3)."""
    edge_1, edge_2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    away = points - corners[:, 0]
    a, b, c = (_dot(edge_1, edge_1), _dot(edge_1, edge_2), _dot(edge_2, edge_2))
    d, e = _dot(away, edge_1), _dot(away, edge_2)
    scale = 1.0 / np.maximum(a * c - b * b, 1e-300)
    v, w = (c * d - b * e) * scale, (a * e - b * d) * scale
    weights = np.clip(np.stack([1.0 - v - w, v, w], axis=-1), 0.0, 1.0)
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def _dot(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.einsum("nc,nc->n", left, right)
