"""The surface between the negative and the positive samples of a grid."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from skimage import measure

__all__ = ["marching_cubes"]


def marching_cubes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangles where `values` (X, Y, Z) cross zero; positive is inside, normals point outwards.

    Returns vertices (V, 3) float32 in units of grid indices, and faces (F, 3) int64 without triangles of no
    area; both are empty where nothing crosses zero. Vertices lie on edges of the grid, where linear
    interpolation of the two samples is zero; a few cells of ambiguous signs get one more inside. Closed if
    all samples on the grid's border are negative.

    Source: Lewiner et al. 2003, "Efficient implementation of marching cubes' cases with topological
    guarantees".
    """
    if min(values.shape) < 2 or not (values.min() < 0.0 < values.max()):
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.int64)
    find_surface = cast("Any", measure).marching_cubes
    vertices, faces, _, _ = find_surface(
        np.ascontiguousarray(values, dtype=np.float32),
        0.0,
        gradient_direction="ascent",
        allow_degenerate=False,
    )
    return np.asarray(vertices, dtype=np.float32), np.asarray(faces, dtype=np.int64)
