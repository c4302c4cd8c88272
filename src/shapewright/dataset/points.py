"""The coloured point cloud of an asset: visible surface only, in farthest-point order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.dataset.normalize import INVISIBLE_ALPHA
from shapewright.geometry.mesh import TexturedMesh, face_areas_and_normals
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.sampling import farthest_point_order, interpolate, sample_surface

__all__ = ["SurfacePoints", "point_cloud", "visible_faces", "visible_surface"]

_ROUNDS, _RAYS_PER_ROUND = 5, 4
_LIFT = 1e-3  # rays start this far off the surface


@dataclass(frozen=True, kw_only=True)
class SurfacePoints:
    """N points on the surface with their colours."""

    positions: np.ndarray  # (N, 3) float32
    colors: np.ndarray  # (N, 3) float32 sRGB in [0, 1]
    face_index: np.ndarray  # (N,) int64

    def take(self, index: np.ndarray) -> SurfacePoints:
        """The points at `index`."""
        return SurfacePoints(
            positions=self.positions[index], colors=self.colors[index], face_index=self.face_index[index]
        )


def visible_surface(
    mesh: TexturedMesh, raycaster: Raycaster, count: int, rng: np.random.Generator
) -> SurfacePoints:
    """At most `count` random surface points, area-weighted, that can be seen from outside.

    Points buried in the model (the inside of a closed cupboard) and transparent texels are left out, as
    they are from a cloud made of views (the published recipe). If next to nothing is visible, all stay.
    """
    face_index, barycentric = sample_surface(mesh.vertices, mesh.faces, count, rng)
    shuffle = rng.permutation(count)
    face_index, barycentric = face_index[shuffle], barycentric[shuffle]
    rgba = mesh.surface_colors(face_index, barycentric)
    points = SurfacePoints(
        positions=interpolate(mesh.vertices, mesh.faces, face_index, barycentric).astype(np.float32),
        colors=rgba[:, :3],
        face_index=face_index,
    )
    opaque = np.flatnonzero(rgba[:, 3] >= INVISIBLE_ALPHA)
    if len(opaque) < 0.01 * count:
        opaque = np.arange(count)
    points = points.take(opaque)
    _, normals = face_areas_and_normals(mesh.vertices, mesh.faces)
    seen = _sees_outside(points.positions, normals[points.face_index], raycaster, rng)
    return points.take(np.flatnonzero(seen)) if seen.mean() > 0.01 else points


def visible_faces(
    mesh: TexturedMesh, surface: SurfacePoints, raycaster: Raycaster, rng: np.random.Generator
) -> np.ndarray:
    """Which faces (F,) can be seen from outside: their centre, or a point that `surface` has there."""
    _, normals = face_areas_and_normals(mesh.vertices, mesh.faces)
    centers = mesh.vertices[mesh.faces].mean(axis=1)
    seen = _sees_outside(centers, normals, raycaster, rng)
    seen[surface.face_index] = True
    return seen


def _sees_outside(
    positions: np.ndarray, normals: np.ndarray, raycaster: Raycaster, rng: np.random.Generator
) -> np.ndarray:
    """Whether any of a few random rays from each point, on either side, leaves the model."""
    seen = np.zeros(len(positions), dtype=bool)
    for _ in range(_ROUNDS):
        hidden = np.repeat(np.flatnonzero(~seen), _RAYS_PER_ROUND)
        directions = rng.normal(size=(len(hidden), 3))
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        side = np.sign(np.einsum("nc,nc->n", directions, normals[hidden]))
        origins = positions[hidden] + _LIFT * side[:, None] * normals[hidden]
        escaped = raycaster.cast(origins, directions).face_index < 0
        seen[hidden[escaped]] = True
    return seen


def point_cloud(surface: SurfacePoints, count: int) -> SurfacePoints:
    """`count` of the surface points in farthest-point order (repeated in order if there are fewer)."""
    order = farthest_point_order(surface.positions, min(count, len(surface.positions)))
    return surface.take(np.resize(order, count))
