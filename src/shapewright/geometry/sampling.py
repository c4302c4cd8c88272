"""Points on surfaces: area-weighted samples and their farthest-point order."""

from __future__ import annotations

import numpy as np

from shapewright.geometry.mesh import face_areas_and_normals

__all__ = ["farthest_point_order", "interpolate", "sample_surface", "surface_lattice"]


def sample_surface(
    vertices: np.ndarray, faces: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """`count` random points, uniform over the area: face indices (N,) and barycentric weights (N, 3).

    Areas are visited at even steps with jitter, so every face gets its share up to one point.
    """
    areas, _ = face_areas_and_normals(vertices, faces)
    cumulative = np.cumsum(areas)
    marks = (np.arange(count) + rng.random(count)) / count * cumulative[-1]
    face_index = np.minimum(np.searchsorted(cumulative, marks), len(faces) - 1)
    root, split = np.sqrt(rng.random(count)), rng.random(count)
    barycentric = np.stack([1.0 - root, root * (1.0 - split), root * split], axis=-1)
    return face_index, barycentric.astype(np.float32)


def interpolate(
    vertices: np.ndarray, faces: np.ndarray, face_index: np.ndarray, barycentric: np.ndarray
) -> np.ndarray:
    """Positions (N, 3) of points given by face and barycentric weights."""
    return np.einsum("nk,nkc->nc", barycentric, vertices[faces[face_index]])


def surface_lattice(vertices: np.ndarray, faces: np.ndarray, spacing: float) -> np.ndarray:
    """Points (N, 3) that cover every face: along its longest edge and across, at most `spacing` apart.

    Gives several points per `spacing`^2 of area where faces are small.
    """
    corners = _longest_edge_first(vertices[faces].astype(np.float64))
    along = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)
    twice_areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1
    )
    # Powers of two, so that few distinct sizes need a pass of their own.
    columns = _next_power_of_two(along / spacing)
    rows = _next_power_of_two(twice_areas / np.maximum(along, 1e-12) / spacing)
    parts = []
    for column, row in np.unique(np.stack([columns, rows], axis=-1), axis=0):
        these = corners[(columns == column) & (rows == row)]
        u = np.linspace(0.0, 1.0, column + 1)[:, None, None]
        v = np.linspace(0.0, 1.0, row + 1)[:, None, None]
        base = these[:, 0] + u * (these[:, 1] - these[:, 0])  # (columns, faces, 3)
        parts.append((base[None] * (1.0 - v[:, None]) + these[:, 2] * v[:, None]).reshape(-1, 3))
    return np.concatenate(parts)


def _longest_edge_first(corners: np.ndarray) -> np.ndarray:
    """Triangles (F, 3, 3) with their corners turned so that the first two bound the longest edge."""
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=-1)
    order = (lengths.argmax(axis=1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(corners, order[:, :, None], axis=1)


def _next_power_of_two(values: np.ndarray) -> np.ndarray:
    return 2 ** np.ceil(np.log2(np.maximum(values, 1.0))).astype(np.int64)


def farthest_point_order(points: np.ndarray, count: int) -> np.ndarray:
    """Indices (count,) of `points` (N, 3): each is the farthest from all before it; starts at index 0.

    Any prefix of the result covers the set evenly. Costs count * N distance updates.
    """
    assert 0 < count <= len(points)
    x, y, z = np.ascontiguousarray(points.T, dtype=np.float32)
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    squared, part = np.empty_like(nearest), np.empty_like(nearest)
    order = np.empty(count, dtype=np.int64)
    chosen = 0
    for step in range(count):
        order[step] = chosen
        np.subtract(x, x[chosen], out=squared)
        np.multiply(squared, squared, out=squared)
        for axis in (y, z):
            np.subtract(axis, axis[chosen], out=part)
            np.multiply(part, part, out=part)
            np.add(squared, part, out=squared)
        np.minimum(nearest, squared, out=nearest)
        nearest[chosen] = -1.0  # never twice, also among coincident points
        chosen = int(nearest.argmax())
    return order
