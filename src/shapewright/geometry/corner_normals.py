"""Normals for looking at meshes from files: smooth over round parts, sharp at edges."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from shapewright.geometry.mesh import face_areas_and_normals

__all__ = ["corner_normals"]

CREASE_RAD = math.radians(35)
PAIRS_AT_ONCE = 1 << 20


def corner_normals(vertices: np.ndarray, faces: np.ndarray, crease_rad: float = CREASE_RAD) -> np.ndarray:
    """Unit normals (F, 3, 3) float32 of every face's corners.

    Each is the mean, by area, of the normals of those faces at its place that turn less than `crease_rad`
    from its own. Corners meet by position: files split vertices where texture coordinates break.
    """
    areas, normals = face_areas_and_normals(vertices, faces)
    place = np.unique(vertices[faces.reshape(-1)], axis=0, return_inverse=True)[1].reshape(-1)
    weighted = normals * areas[:, None]
    total = np.zeros((len(place), 3))
    for corner, other in pairs(place):
        own, near = corner // 3, other // 3
        smooth = np.einsum("nk,nk->n", normals[own], normals[near]) > math.cos(crease_rad)
        for axis in range(3):
            total[:, axis] += np.bincount(corner[smooth], weighted[near[smooth], axis], minlength=len(place))
    length = np.linalg.norm(total, axis=-1, keepdims=True)
    flat = np.repeat(normals, 3, axis=0)
    unit = np.where(length > 0, total / np.maximum(length, 1e-300), flat)
    return unit.reshape(-1, 3, 3).astype(np.float32)


def pairs(place: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of corners at the same place, each with itself too, about PAIRS_AT_ONCE at a time."""
    order = np.argsort(place, kind="stable")
    count = np.bincount(place)
    first = np.cumsum(count) - count
    partners = count[place[order]]
    part = np.cumsum(partners) // PAIRS_AT_ONCE
    for corners in np.split(np.arange(len(order)), np.flatnonzero(np.diff(part)) + 1):
        many = partners[corners]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        corner = np.repeat(order[corners], many)
        yield corner, order[first[place[corner]] + within]
