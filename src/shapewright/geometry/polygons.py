"""Polygons to triangles."""

from __future__ import annotations

import numpy as np

__all__ = ["triangulate"]


def triangulate(
    vertices: np.ndarray, corner_vertices: np.ndarray, corner_counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles of polygons given as runs of corners.

    `corner_vertices` (C,) are vertex indices (-1: broken), `corner_counts` (P,) the corners of each polygon.
    Returns faces (F, 3) as vertex indices, the same as corner indices (F, 3), and the polygon (F,) of each.
    Convex polygons become fans; concave ones have their ears clipped. Faces with a broken corner go.
    """
    starts = np.cumsum(corner_counts) - corner_counts
    corners, polygons = _fans(starts, corner_counts)
    concave = _concave_polygons(vertices, corner_vertices, starts, corner_counts)
    if len(concave):
        keep = ~np.isin(polygons, concave)
        clipped = [
            _clip_ears(vertices, corner_vertices, int(starts[p]), int(corner_counts[p])) for p in concave
        ]
        corners = np.concatenate([corners[keep], *clipped])
        owners = np.repeat(concave, [len(part) for part in clipped])
        polygons = np.concatenate([polygons[keep], owners])
    faces = corner_vertices[corners]
    valid = (faces >= 0).all(axis=1)
    return faces[valid], corners[valid], polygons[valid]


def _fans(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    triangles = np.maximum(counts - 2, 0)
    polygons = np.repeat(np.arange(len(counts)), triangles)
    within = np.arange(len(polygons)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    first = starts[polygons]
    return np.stack([first, first + within + 1, first + within + 2], axis=-1), polygons


def _concave_polygons(
    vertices: np.ndarray, corner_vertices: np.ndarray, starts: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Indices of polygons with more than three corners of which one turns the wrong way."""
    found = []
    for count in np.unique(counts[counts > 3]):
        polygons = np.flatnonzero(counts == count)
        ring = corner_vertices[starts[polygons, None] + np.arange(count)]
        polygons, ring = polygons[(ring >= 0).all(axis=1)], ring[(ring >= 0).all(axis=1)]
        turns, normals = _turns(vertices[ring])
        sizes = np.linalg.norm(normals, axis=-1, keepdims=True)
        along = np.einsum("pkc,pc->pk", turns, normals / np.maximum(sizes, 1e-300))
        found.append(polygons[(along < -1e-6 * sizes).any(axis=1)])
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _turns(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross products at each corner (P, K, 3) and Newell's normal (P, 3) of rings (P, K, 3)."""
    edges = np.roll(points, -1, axis=1) - points
    turns = np.cross(np.roll(edges, 1, axis=1), edges)
    centred = points - points.mean(axis=1, keepdims=True)
    return turns, np.cross(centred, np.roll(centred, -1, axis=1)).sum(axis=1)


def _clip_ears(vertices: np.ndarray, corner_vertices: np.ndarray, start: int, count: int) -> np.ndarray:
    """Corner triangles (count - 2, 3) of one simple concave polygon, by clipping ears."""
    ring = np.arange(start, start + count)
    flat = _project(vertices[corner_vertices[ring]])
    left, triangles = list(range(count)), []
    while len(left) > 3:
        ear = next((k for k in range(len(left)) if _is_ear(flat, left, k)), 0)
        before, after = left[ear - 1], left[(ear + 1) % len(left)]
        triangles.append((before, left[ear], after))
        del left[ear]
    triangles.append(tuple(left))
    return ring[np.array(triangles)]


def _project(points: np.ndarray) -> np.ndarray:
    """The polygon (K, 3) in its own plane (K, 2), counter-clockwise."""
    _, normals = _turns(points[None])
    normal = normals[0] / max(float(np.linalg.norm(normals[0])), 1e-300)
    axis = np.eye(3)[np.argmin(np.abs(normal))]
    right = np.cross(axis, normal)
    right /= max(float(np.linalg.norm(right)), 1e-300)
    return np.stack([points @ right, points @ np.cross(normal, right)], axis=-1)


def _is_ear(flat: np.ndarray, left: list[int], k: int) -> bool:
    a, b, c = flat[left[k - 1]], flat[left[k]], flat[left[(k + 1) % len(left)]]
    if _cross(a, b, c[None])[0] <= 0:
        return False
    skip = {left[k - 1], left[k], left[(k + 1) % len(left)]}
    others = flat[[index for index in left if index not in skip]]
    inside = (_cross(a, b, others) >= 0) & (_cross(b, c, others) >= 0) & (_cross(c, a, others) >= 0)
    # Corners that coincide with the ear's own (bridges to holes) do not block it.
    same = (np.abs(others[:, None] - np.stack([a, b, c])).max(axis=-1) < 1e-12).any(axis=1)
    return not bool((inside & ~same).any())


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Twice the signed areas (N,) of the triangles a, b, c for corners c (N, 2)."""
    return (b[0] - a[0]) * (c[:, 1] - a[1]) - (b[1] - a[1]) * (c[:, 0] - a[0])
