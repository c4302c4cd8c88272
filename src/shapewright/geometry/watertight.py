"""Surfaces that bound one volume: closed, manifold, facing outward, no part through another."""

from __future__ import annotations

from collections.abc import Iterator

import igl
import numpy as np
from manifold3d import Error, Manifold, OpType
from manifold3d import Mesh as ManifoldMesh

from shapewright.errors import OutputError
from shapewright.geometry.closedness import is_closed, open_edges, signed_volumes, welded
from shapewright.geometry.mesh import Mesh
from shapewright.geometry.nearest_color import with_colors_of
from shapewright.geometry.parts import Parts, find_parts
from shapewright.geometry.polygons import triangulate

__all__ = ["make_watertight"]

Triangles = tuple[np.ndarray, np.ndarray]  # vertices (V, 3) and faces (F, 3)

NO_VOLUME = (
    "The surface cannot be made watertight, for its faces bound no volume; "
    "give one in which two faces meet at each edge."
)


def make_watertight(mesh: Mesh) -> Mesh:
    """The boundary of the volume that `mesh` means.

    Vertices at one place become one, doubled faces go, faces are turned to agree with their neighbours, holes
    are covered by flat faces, solids that are inside out are turned, and those that overlap become one;
    hollows stay. What it does not mend is a single part that cuts through itself. Colours are those of the
    nearest points of the surface that was.
    Raises: OutputError if the faces bound no volume.
    """
    vertices, faces = welded(mesh.vertices, mesh.faces)
    if not is_closed(faces):
        faces = _covered(vertices, _agreeing(faces))
    if not is_closed(faces):
        raise OutputError(NO_VOLUME)
    solids = list(_solids(vertices, faces))
    union = Manifold.batch_boolean([_manifold(*solid) for solid in solids], OpType.Add)
    return with_colors_of(mesh, _checked(*_triangles(union)))


def _agreeing(faces: np.ndarray) -> np.ndarray:
    """Faces once each, turned so that neighbours have the same side outside."""
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    once = faces[np.sort(first)].astype(np.int64)
    return np.asarray(igl.bfs_orient(once)[0]) if len(once) else once


def _covered(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """With faces over all holes."""
    rings = list(_rings(open_edges(faces)))
    if not rings:
        return faces
    counts = np.array([len(ring) for ring in rings])
    lids, _, _ = triangulate(vertices.astype(np.float64), np.concatenate(rings), counts)
    return np.concatenate([faces, lids])


def _rings(edges: np.ndarray) -> Iterator[np.ndarray]:
    """Open edges as closed lines of vertices, in the direction that faces which cover them need."""
    ways: dict[int, list[int]] = {}
    for start, end in edges.tolist():
        ways.setdefault(end, []).append(start)
    while ways:
        ring = [next(iter(ways))]
        while ring[-1] in ways:
            here = ring[-1]
            ring.append(ways[here].pop())
            if not ways[here]:
                del ways[here]
            if ring[-1] == ring[0]:
                yield np.array(ring[:-1])
                break


def _solids(vertices: np.ndarray, faces: np.ndarray) -> Iterator[Triangles]:
    """Each solid, facing outward, with the hollows in it."""
    if signed_volumes(vertices, faces).sum() < 0:
        faces = faces[:, ::-1]
    parts = find_parts(vertices, faces)
    turned = ((parts.volumes < 0) & ~parts.is_hollow)[parts.of_face]
    faces = np.where(turned[:, None], faces[:, ::-1], faces)
    for solid in np.flatnonzero(~parts.is_hollow):
        yield vertices, faces[_belongs(parts, int(solid))]


def _belongs(parts: Parts, solid: int) -> np.ndarray:
    """Which faces are the solid's or of a hollow in it."""
    return ((parts.solid_of == solid) | (np.arange(len(parts.areas)) == solid))[parts.of_face]


def _manifold(vertices: np.ndarray, faces: np.ndarray) -> Manifold:
    used, faces = np.unique(faces, return_inverse=True)
    made = Manifold(
        ManifoldMesh(
            np.ascontiguousarray(vertices[used], dtype=np.float32),
            np.ascontiguousarray(faces.reshape(-1, 3), dtype=np.uint32),
        )
    )
    if made.status() != Error.NoError:
        raise OutputError(NO_VOLUME)
    return made


def _triangles(made: Manifold) -> Triangles:
    mesh = made.to_mesh()
    return np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts).astype(np.int64)


def _checked(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """Raises: OutputError unless the surface is closed also for readers that join vertices at one place."""
    vertices, faces = welded(vertices, faces)
    if not is_closed(faces) or not signed_volumes(vertices, faces).sum() > 0:
        raise OutputError(NO_VOLUME)
    return Mesh(vertices=vertices.astype(np.float32), faces=faces.astype(np.int64))
