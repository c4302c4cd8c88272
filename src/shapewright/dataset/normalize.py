"""Any mesh to the standard place: +Z up, centred, longest side filling the box but for a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.errors import AssetFileError
from shapewright.geometry.mesh import TexturedMesh, face_areas_and_normals
from shapewright.geometry.opaque_hits import INVISIBLE_ALPHA

__all__ = ["HALF_SIDE", "INVISIBLE_ALPHA", "Normalized", "drop_unusable_faces", "normalize"]

# Half the longest side. The rest up to 1 leaves room for the thickness given to thin sheets (at most
# 0.013) and for two cells of a 128^3 grid, so that surfaces close inside the box.
HALF_SIDE = 0.95


@dataclass(frozen=True, kw_only=True)
class Normalized:
    """A mesh in the standard place, and how it got there: world = (original - center) * scale."""

    mesh: TexturedMesh
    center: np.ndarray  # (3,)
    scale: float

    @property
    def extents(self) -> np.ndarray:
        """Side lengths (3,) of the original bounding box, in the file's units, +Z up."""
        used = self.mesh.vertices[np.unique(self.mesh.faces)]
        return (used.max(axis=0) - used.min(axis=0)) / self.scale


def normalize(mesh: TexturedMesh) -> Normalized:
    """Centre and scale `mesh` (already +Z up); degenerate and invisible faces are removed.

    Raises: AssetFileError if nothing is left or coordinates are not finite.
    """
    mesh = drop_unusable_faces(mesh)
    used = mesh.vertices[np.unique(mesh.faces)]
    low, high = used.min(axis=0), used.max(axis=0)
    center, scale = (low + high) / 2.0, 2.0 * HALF_SIDE / float((high - low).max())
    moved = mesh.transformed(np.eye(3) * scale, -center * scale)
    return Normalized(mesh=moved, center=center, scale=scale)


def drop_unusable_faces(mesh: TexturedMesh) -> TexturedMesh:
    """`mesh` without degenerate faces and, if any face is visible, without invisible ones.

    Raises: AssetFileError if no face with an area is left or a used vertex is not finite.
    """
    used = mesh.vertices[mesh.faces]
    if not np.isfinite(used).all():
        raise AssetFileError("the mesh has vertices that are not finite numbers (NaN or infinity).")
    size = float(np.ptp(used.reshape(-1, 3), axis=0).max()) if len(used) else 0.0
    areas, _ = face_areas_and_normals(mesh.vertices, mesh.faces)
    longest = np.linalg.norm(used - np.roll(used, 1, axis=1), axis=-1).max(axis=1, initial=0.0)
    solid = (areas > 1e-12 * size**2) & (areas > 1e-7 * longest**2)
    if not solid.any():
        raise AssetFileError("the mesh is empty: it has no face with an area.")
    opaque = np.array([material.alpha >= INVISIBLE_ALPHA for material in mesh.materials])
    visible = solid & opaque[mesh.face_materials]
    return mesh.keep_faces(visible if visible.any() else solid)
