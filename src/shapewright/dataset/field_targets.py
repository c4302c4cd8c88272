"""What the field should answer: signed distance and colour at points in the box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.dataset.inside import SpaceGrid, decide_inside
from shapewright.dataset.points import SurfacePoints, visible_faces
from shapewright.geometry.mesh import TexturedMesh, face_areas_and_normals
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.signed_distance import nearest_surface, winding_number

__all__ = ["QUERY_SHARES", "SHEET_THICKNESS", "SOLID_THICKNESS", "FieldTargets", "field_targets"]

# Half the thickness given to surfaces: signed distance = distance by winding number + this.
# Sheets without volume need 0.013 to be seen on a 128^3 grid (0.008 leaves holes in clothes).
SHEET_THICKNESS = 0.013
SOLID_THICKNESS = 0.006

# The winding number decides alone unless it is not near an integer in more of the box than this.
AMBIGUOUS_SHARE = 0.02
# Of the queries, and their distance (std) from the surface; the rest is anywhere in the box.
QUERY_SHARES = ((0.45, 0.02), (0.30, 0.08))


@dataclass(frozen=True, kw_only=True)
class FieldTargets:
    """M queries in random order and their answers."""

    queries: np.ndarray  # (M, 3) float32 in [-1, 1]
    signed_distance: np.ndarray  # (M,) float32, positive inside, thickness included
    colors: np.ndarray  # (M, 3) uint8 sRGB of the nearest surface
    normals: np.ndarray  # (M, 3) int8, 127 times the unit outward normal of the nearest surface
    thickness: float
    ambiguous_share: float  # of the box, where the winding number is not near an integer


def field_targets(
    mesh: TexturedMesh,
    surface: SurfacePoints,
    raycaster: Raycaster,
    count: int,
    rng: np.random.Generator,
) -> FieldTargets:
    """`count` queries: 45% close to the visible surface, 30% around it, 25% anywhere in the box.

    Distances, colours and normals are those of the visible surface; what it hides is solid.
    """
    queries, spread = _queries(surface.positions, count, rng)
    visible = mesh.keep_faces(visible_faces(mesh, surface, raycaster, rng))
    near = nearest_surface(visible.vertices, visible.faces, queries)
    winding = winding_number(mesh.vertices, mesh.faces, queries)
    ambiguous = float((np.abs(winding - np.round(winding)) > 0.2)[spread == 2].mean())
    grid = SpaceGrid(mesh)
    inside = decide_inside(
        grid, raycaster, queries, near.points, winding, trust_winding=ambiguous <= AMBIGUOUS_SHARE
    )
    thickness = _thickness(near.distance, inside, spread, ambiguous)
    colors = visible.surface_colors(near.face_index, near.barycentric)[:, :3]
    _, face_normals = face_areas_and_normals(visible.vertices, visible.faces)
    normals = _outward(face_normals[near.face_index], queries - near.points, inside)
    return FieldTargets(
        queries=queries,
        signed_distance=(np.where(inside, near.distance, -near.distance) + thickness).astype(np.float32),
        colors=np.round(colors * 255.0).astype(np.uint8),
        normals=np.round(normals * 127.0).astype(np.int8),
        thickness=thickness,
        ambiguous_share=ambiguous,
    )


def _queries(surface: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions (count, 3) rounded to half floats, as stored, and which share (0, 1, 2) each belongs to."""
    sizes = [int(share * count) for share, _ in QUERY_SHARES]
    parts = [
        surface[rng.integers(len(surface), size=size)] + rng.normal(scale=std, size=(size, 3))
        for size, (_, std) in zip(sizes, QUERY_SHARES, strict=True)
    ]
    parts.append(rng.uniform(-1.0, 1.0, size=(count - sum(sizes), 3)))
    spread = np.repeat([0, 1, 2], [len(part) for part in parts])
    order = rng.permutation(count)
    positions = np.clip(np.concatenate(parts)[order], -1.0, 1.0)
    return positions.astype(np.float16).astype(np.float32), spread[order]


def _thickness(distance: np.ndarray, inside: np.ndarray, spread: np.ndarray, ambiguous: float) -> float:
    """Thick for models with open sheets, and for those that are mostly sheets or rods.

    Beside a large solid half of the places a little off the surface are inside; beside a rod hardly any.
    """
    if ambiguous > AMBIGUOUS_SHARE:
        return SHEET_THICKNESS
    beside = (spread == 0) & (distance > 0.01) & (distance < 0.03)
    return SHEET_THICKNESS if inside[beside].mean() < 0.25 else SOLID_THICKNESS


def _outward(normals: np.ndarray, away: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`normals` turned to point from inside to outside at each query, `away` from its surface point."""
    facing = np.einsum("nc,nc->n", normals, away)
    flip = np.where(inside, facing > 0, facing < 0)
    return np.where(flip[:, None], -normals, normals)
