"""The parts of a surface that do not touch: solids, and the hollows in them; specks among them removed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shapewright.geometry.closedness import is_closed, signed_volumes, welded
from shapewright.geometry.mesh import Mesh, face_areas_and_normals
from shapewright.geometry.signed_distance import winding_number

__all__ = ["Parts", "WithoutSpecks", "find_parts", "keep_faces", "remove_specks"]

NOBODY = -1


@dataclass(frozen=True, kw_only=True)
class Parts:
    """P sets of faces that share no vertex. A hollow is a closed part, turned inward, inside of a solid."""

    of_face: np.ndarray  # (F,) int64, the part of each face
    areas: np.ndarray  # (P,) float64
    volumes: np.ndarray  # (P,) float64, negative for hollows
    solid_of: np.ndarray  # (P,) int64: for a hollow, the part that it is in; -1 for all others

    @property
    def is_hollow(self) -> np.ndarray:  # (P,) bool
        return self.solid_of != NOBODY


@dataclass(frozen=True, kw_only=True)
class WithoutSpecks:
    """A surface without its small parts, and what went."""

    mesh: Mesh
    removed: int
    removed_share: float  # of the area
    filled: int

    def told(self) -> tuple[str, ...]:
        """What was done, a sentence each; nothing if nothing was."""
        sentences: list[str] = []
        if self.removed:
            what = _counted(self.removed, "small floating part")
            sentences.append(f"Removed {what} ({_percent(self.removed_share)} of the surface).")
        if self.filled:
            sentences.append(f"Filled {_counted(self.filled, 'small hollow')} inside.")
        return tuple(sentences)


def find_parts(vertices: np.ndarray, faces: np.ndarray) -> Parts:
    """The parts of triangles (F, 3); vertices at one position are one."""
    labels, of_face = _labels(vertices, faces)
    areas = np.bincount(of_face, face_areas_and_normals(vertices, faces)[0], minlength=labels)
    volumes = np.bincount(of_face, signed_volumes(vertices, faces), minlength=labels)
    solid_of = _solids_around(vertices, faces, of_face, volumes)
    return Parts(of_face=of_face, areas=areas, volumes=volumes, solid_of=solid_of)


def remove_specks(mesh: Mesh, smallest_share: float) -> WithoutSpecks:
    """Solids of less than `smallest_share` of the area go, with the hollows in them; the largest stays.

    Hollows of less than that share, which nobody sees, are filled.
    """
    parts = find_parts(mesh.vertices, mesh.faces)
    shares = parts.areas / max(float(parts.areas.sum()), 1e-300)
    small = shares < smallest_share
    small[np.argmax(np.where(parts.is_hollow, 0.0, shares))] = False
    specks = small & ~parts.is_hollow
    gone = small | (parts.is_hollow & specks[parts.solid_of])
    lost = gone & (specks | (parts.is_hollow & specks[parts.solid_of]))
    if not gone.any():
        return WithoutSpecks(mesh=mesh, removed=0, removed_share=0.0, filled=0)
    return WithoutSpecks(
        mesh=keep_faces(mesh, ~gone[parts.of_face]),
        removed=int(specks.sum()),
        removed_share=float(shares[lost].sum()),
        filled=int((gone & ~lost).sum()),
    )


def keep_faces(mesh: Mesh, mask: np.ndarray) -> Mesh:
    """Only the faces where `mask` (F,) is true, and the vertices that they need."""
    used, faces = np.unique(mesh.faces[mask], return_inverse=True)
    colors = None if mesh.vertex_colors is None else mesh.vertex_colors[used]
    faces = faces.reshape(-1, 3).astype(np.int64)
    return replace(mesh, vertices=mesh.vertices[used], faces=faces, vertex_colors=colors)


def _labels(vertices: np.ndarray, faces: np.ndarray) -> tuple[int, np.ndarray]:
    """How many parts there are, and the part (F,) of each face."""
    _, place = np.unique(vertices, axis=0, return_inverse=True)
    corners = place.reshape(-1)[faces]
    start, end = corners.reshape(-1), np.roll(corners, 1, axis=1).reshape(-1)
    links = coo_array((np.ones(len(start), dtype=bool), (start, end)), shape=(len(vertices),) * 2)
    _, of_vertex = connected_components(links, directed=False)
    found, of_face = np.unique(of_vertex[corners[:, 0]], return_inverse=True)
    return len(found), of_face.reshape(-1).astype(np.int64)


def _solids_around(
    vertices: np.ndarray, faces: np.ndarray, of_face: np.ndarray, volumes: np.ndarray
) -> np.ndarray:
    """The smallest solid (P,) around each part that is closed and turned inward; -1 for the others."""
    order = np.argsort(of_face, kind="stable")
    starts = np.searchsorted(of_face[order], np.arange(len(volumes)))
    members = np.split(faces[order], starts[1:])
    corners = vertices[faces[order]]
    lows = np.minimum.reduceat(corners.min(axis=1), starts)
    highs = np.maximum.reduceat(corners.max(axis=1), starts)
    solid_of = np.full(len(volumes), NOBODY)
    waiting = np.array([p for p in np.flatnonzero(volumes < 0) if _bounds(vertices, members[p])], dtype=int)
    for solid in np.argsort(volumes)[(volumes <= 0).sum() :]:
        free = waiting[solid_of[waiting] == NOBODY]
        fits = (lows[free] > lows[solid]).all(axis=1) & (highs[free] < highs[solid]).all(axis=1)
        inside = free[fits & (-volumes[free] < volumes[solid])]
        if len(inside):
            places = vertices[[members[part][0, 0] for part in inside]]
            solid_of[inside[winding_number(vertices, members[solid], places) > 0.5]] = solid
    return solid_of


def _bounds(vertices: np.ndarray, faces: np.ndarray) -> bool:
    """Whether one part's faces bound a volume, one way or the other."""
    corners = vertices[faces].reshape(-1, 3)
    return is_closed(welded(corners, np.arange(len(corners)).reshape(-1, 3))[1])


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%" if share >= 0.001 else "less than 0.1%"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
