"""The surface between the negative and the positive samples of a grid: by a library, and as published."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from skimage import measure

from shapewright.geometry.cube_triangles import CORNERS_OF_EDGE, cube_tables

__all__ = ["crossed_edges", "marching_cubes", "published_marching_cubes"]


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


def published_marching_cubes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same surface, joined in cells of ambiguous signs as the published code joins them.

    Returns: as `marching_cubes`. Every edge of the grid that crosses zero has one vertex, no cell has one
    inside; triangles without area are kept. Slower, with the memory of several grids.
    Source: Lorensen and Cline 1987; the tables of cube_triangles.
    """
    ends, faces = crossed_edges(values)
    start, end = (values[tuple(nodes.T)] for nodes in (ends[:, 0], ends[:, 1]))
    share = (start / (start - end))[:, None]
    return (ends[:, 0] + share * (ends[:, 1] - ends[:, 0])).astype(np.float32), faces


def crossed_edges(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The triangles of `published_marching_cubes` before their corners have places on the grid's edges.

    Returns the two nodes (V, 2, 3) int64 of every edge of the grid whose ends differ in sign, the lower one
    first, and faces (F, 3) int64 between those edges. Where on its edge a vertex lies is the caller's affair.
    """
    inside = values > 0.0
    numbers, ends = _numbered_edges(inside)
    cases = np.zeros([side - 1 for side in values.shape], dtype=np.uint8)
    for corner in range(8):
        cases |= inside[tuple(_shifted(bit, side) for bit, side in _bits(corner, values.shape))] << np.uint8(
            corner
        )
    cells = np.argwhere((cases > 0) & (cases < 255))
    edges, exists = cube_tables()
    found = cases[tuple(cells.T)]
    triangles, cell_of = edges[found][exists[found]], cells[np.nonzero(exists[found])[0]]
    first_corner = np.array([[bit for bit, _ in _bits(a, values.shape)] for a, _ in CORNERS_OF_EDGE])
    nodes = cell_of[:, None] + first_corner[triangles]
    axes = triangles // (len(CORNERS_OF_EDGE) // 3)  # edges come by axis
    return ends, numbers[axes, nodes[..., 0], nodes[..., 1], nodes[..., 2]]


def _numbered_edges(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (3, X, Y, Z) of the crossed edges from each node along each axis; and their ends (V, 2, 3)."""
    numbers = np.full((3, *inside.shape), -1, dtype=np.int64)
    parts: list[np.ndarray] = []
    count = 0
    for axis in range(3):
        signs = np.moveaxis(inside, axis, 0)
        crossed = np.argwhere(np.moveaxis(signs[:-1] != signs[1:], 0, axis))
        numbers[axis][tuple(crossed.T)] = np.arange(count, count + len(crossed))
        count += len(crossed)
        parts.append(np.stack([crossed, crossed + np.eye(3, dtype=np.int64)[axis]], axis=1))
    return numbers, np.concatenate(parts)


def _bits(corner: int, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """On which side of its cell a corner lies, along each axis, with the grid's size there."""
    return [(corner >> axis & 1, side) for axis, side in enumerate(shape)]


def _shifted(bit: int, side: int) -> slice:
    return slice(bit, side - 1 + bit)
