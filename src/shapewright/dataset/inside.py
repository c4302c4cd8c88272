"""Which places count as inside a model that may be hollow, open or badly oriented.

What nobody can see from outside is inside: the winding number decides only where it can be trusted, and
space that is closed in (the inside of a wardrobe) is filled. So models become solid where they look solid.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy import ndimage

from shapewright.geometry.mesh import TexturedMesh
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.sampling import surface_lattice

__all__ = ["ENCLOSED", "OPEN", "SURFACE", "SpaceGrid", "decide_inside"]

OPEN, SURFACE, ENCLOSED = 0, 1, 2
_RESOLUTION = 128
_SMALLEST_HOLLOW = 9  # voxels; smaller pockets arise between the voxels of a bent surface
_PROBE = 2.0 / _RESOLUTION * 1.8  # just beyond the neighbouring voxel


class SpaceGrid:
    """The box in voxels: those that meet the surface, those connected with the outside, those closed in."""

    def __init__(self, mesh: TexturedMesh) -> None:
        surface = np.zeros((_RESOLUTION,) * 3, dtype=bool)
        surface[_voxels(surface_lattice(mesh.vertices, mesh.faces, 1.0 / _RESOLUTION))] = True
        labels, count = _connected(~surface)
        kinds = np.full(count + 1, ENCLOSED, dtype=np.int8)
        kinds[np.bincount(labels.reshape(-1), minlength=count + 1) < _SMALLEST_HOLLOW] = SURFACE
        kinds[labels[0, 0, 0]] = OPEN  # the corner is outside: models keep a margin to the box
        kinds[0] = SURFACE
        self._kinds = kinds[labels]

    def at(self, points: np.ndarray) -> np.ndarray:
        """OPEN, SURFACE or ENCLOSED (N,) for points (N, 3) of the box."""
        return self._kinds[_voxels(points)]


def _connected(space: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels 1..count of the connected parts of `space`, 0 elsewhere.

    Neighbours share a face: nothing slips through the edges between the surface's voxels.
    """
    labels, count = cast("tuple[np.ndarray, int]", ndimage.label(space))
    return labels, count


def _voxels(points: np.ndarray) -> tuple[np.ndarray, ...]:
    index = np.floor((points + 1.0) * (_RESOLUTION / 2.0)).astype(np.int64)
    return tuple(np.clip(index, 0, _RESOLUTION - 1).T)


def decide_inside(
    grid: SpaceGrid,
    raycaster: Raycaster,
    queries: np.ndarray,
    surface_points: np.ndarray,
    winding: np.ndarray,
    *,
    trust_winding: bool,
) -> np.ndarray:
    """Whether each query (N, 3), with its nearest visible surface point (N, 3), is inside: (N,) bool.

    In voxels that the surface meets, a probe a little further from the surface tells the side. A winding
    number that cannot be trusted still counts where nothing but the underside is open (a sofa without floor).
    """
    kind = grid.at(queries)
    away = queries - surface_points
    distance = np.linalg.norm(away, axis=-1, keepdims=True)
    probe = grid.at(np.clip(queries + away / np.maximum(distance, 1e-9) * _PROBE, -1.0, 1.0))
    inside = (kind == ENCLOSED) | ((kind == SURFACE) & (probe == ENCLOSED))
    # Met by the surface, yet far from all that is visible: a hidden part.
    inside |= (kind == SURFACE) & (distance[:, 0] > 2.0 * _PROBE)
    wound = np.abs(winding) > 0.5
    if trust_winding:
        return inside | wound
    doubtful = np.flatnonzero(wound & ~inside)
    inside[doubtful[~_sees_the_sky(queries[doubtful], raycaster)]] = True
    return inside


def _sees_the_sky(points: np.ndarray, raycaster: Raycaster) -> np.ndarray:
    """Whether any of a few rays from each point, none of them steeply down, leaves the model."""
    seen = np.zeros(len(points), dtype=bool)
    for direction in _SKYWARD:
        hidden = np.flatnonzero(~seen)
        directions = np.broadcast_to(direction, (len(hidden), 3))
        seen[hidden] = raycaster.cast(points[hidden], directions).face_index < 0
    return seen


def _spiral(count: int, lowest: float) -> np.ndarray:
    """`count` unit vectors (count, 3) spread evenly over the sphere above the height `lowest`."""
    height = lowest + (1.0 - lowest) * (np.arange(count) + 0.5) / count
    angle = np.arange(count) * (np.pi * (3.0 - np.sqrt(5.0)))
    level = np.sqrt(1.0 - height**2)
    return np.stack([level * np.cos(angle), level * np.sin(angle), height], axis=-1)


_SKYWARD = _spiral(24, lowest=-0.2)
