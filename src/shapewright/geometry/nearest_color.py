"""Colours carried from one surface to another that lies close to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shapewright.geometry.mesh import Mesh, face_areas_and_normals
from shapewright.geometry.signed_distance import nearest_surface

__all__ = ["with_colors_of"]


def with_colors_of(before: Mesh, mesh: Mesh) -> Mesh:
    """`mesh` with the colours of the nearest points of another surface, if that has any."""
    if before.vertex_colors is None:
        return replace(mesh, vertex_colors=None)
    areas, _ = face_areas_and_normals(before.vertices, before.faces)
    faces = before.faces[areas > 0]
    nearest = nearest_surface(before.vertices, faces, mesh.vertices)
    corners = before.vertex_colors[faces[nearest.face_index]]
    colors = np.einsum("nk,nkc->nc", nearest.barycentric, corners)
    return replace(mesh, vertex_colors=colors.astype(np.float32))
