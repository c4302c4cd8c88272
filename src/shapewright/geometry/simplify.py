"""Fewer triangles for the same outline."""

from __future__ import annotations

import fast_simplification
import igl
import numpy as np

from shapewright.errors import ConfigError
from shapewright.geometry.closedness import is_closed
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.nearest_color import with_colors_of
from shapewright.geometry.parts import keep_faces

__all__ = ["simplify"]

# How boldly edges are collapsed, 7 being the library's own: GENTLE only makes flat places coarser, and seldom
# reaches the number asked for.
GENTLE = (2.0, 1.0)
BOLD = (5.0, 7.0, 9.0)


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """At most `faces` triangles by collapsing the edges that matter least to the surface's planes.

    A closed surface stays closed and gets no new places where it cuts itself. Colours are those of the
    nearest points of the surface that was. Returns `mesh` itself if it has no more triangles than that.
    Raises: ConfigError if the surface cannot have so few without falling apart.
    Source: Garland and Heckbert 1997, "Surface simplification using quadric error metrics".
    """
    if len(mesh.faces) <= faces:
        return mesh
    if is_closed(mesh.faces):
        found = _collapsed_in_order(*_gently(mesh, faces), faces)
    else:
        found = _boldly(mesh, faces)
    if not 0 < len(found[1]) <= faces:
        raise ConfigError(f"The surface cannot be simplified to {faces} faces without falling apart.")
    return _compact(*found, mesh)


def _gently(mesh: Mesh, faces: int) -> tuple[np.ndarray, np.ndarray]:
    """Most of the triangles of flat places go at once, which costs a thousandth of the box and little time.

    Such passes do not look whether neighbours end up back to back, as one in seven objects has it after the
    first; where the second does it too, the surface is left as it was, and takes seconds instead of one.
    """
    for boldness in GENTLE:
        vertices, kept = _by_quadrics(mesh, faces, boldness)
        if is_closed(kept):
            return vertices, kept
    return mesh.vertices, mesh.faces


def _collapsed_in_order(vertices: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """One edge after the other, the cheapest first, as long as the surface stays closed and beside itself."""
    found = igl.qslim(vertices.astype(np.float64), faces.astype(np.int64), count, True)
    return np.asarray(found[0]), np.asarray(found[1])


def _boldly(mesh: Mesh, faces: int) -> tuple[np.ndarray, np.ndarray]:
    """For open and tangled surfaces: passes over all edges, with no care for more than their planes."""
    found = mesh.vertices, mesh.faces
    for boldness in BOLD:
        found = _by_quadrics(mesh, faces, boldness)
        if len(found[1]) <= faces:
            break
    return found


def _by_quadrics(mesh: Mesh, faces: int, boldness: float) -> tuple[np.ndarray, np.ndarray]:
    found = fast_simplification.simplify(
        mesh.vertices.astype(np.float64), mesh.faces.astype(np.int32), target_count=faces, agg=boldness
    )
    return found[0], found[1]


def _compact(vertices: np.ndarray, faces: np.ndarray, before: Mesh) -> Mesh:
    """A mesh of the vertices that faces need, coloured as `before` is there."""
    mesh = Mesh(vertices=vertices.astype(np.float32), faces=faces.astype(np.int64))
    return with_colors_of(before, keep_faces(mesh, np.ones(len(faces), dtype=bool)))
