"""What rays see first of a textured mesh: they pass through texels that are not there, of leaves or nets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapewright.geometry.mesh import TexturedMesh
from shapewright.geometry.raycast import Raycaster, RayHits

__all__ = ["INVISIBLE_ALPHA", "OpaqueHits", "first_opaque"]

# Materials and texels below this opacity are not there.
INVISIBLE_ALPHA = 0.1
MAX_LAYERS = 6  # how many transparent texels a ray may pass
STEP_BEHIND = 1e-4


@dataclass(frozen=True, kw_only=True)
class OpaqueHits:
    """Those M of some rays that meet something opaque, in no particular order."""

    ray: np.ndarray  # (M,) which
    face: np.ndarray  # (M,)
    barycentric: np.ndarray  # (M, 3)
    color: np.ndarray  # (M, 3) sRGB in [0, 1], unlit
    distance: np.ndarray  # (M,) in units of the ray's direction


def first_opaque(
    mesh: TexturedMesh, raycaster: Raycaster, origins: np.ndarray, directions: np.ndarray
) -> OpaqueHits:
    """The first opaque point on each of the rays (N, 3), for those that meet one."""
    rays, travelled = np.arange(len(directions)), np.zeros(len(directions), dtype=np.float32)
    found: list[tuple[np.ndarray, ...]] = []
    for _ in range(MAX_LAYERS):
        starts = origins[rays] + travelled[rays, None] * directions[rays]
        hits, rays = _hits_only(raycaster.cast(starts, directions[rays]), rays)
        rgba = mesh.surface_colors(hits.face_index, hits.barycentric)
        distance = travelled[rays] + hits.distance
        opaque = rgba[:, 3] >= INVISIBLE_ALPHA
        parts = (rays, hits.face_index, hits.barycentric, rgba[:, :3], distance)
        found.append(tuple(part[opaque] for part in parts))
        travelled[rays] = distance + STEP_BEHIND
        rays = rays[~opaque]
        if len(rays) == 0:
            break
    ray, face, barycentric, color, distance = (np.concatenate(part) for part in zip(*found, strict=True))
    return OpaqueHits(ray=ray, face=face, barycentric=barycentric, color=color, distance=distance)


def _hits_only(hits: RayHits, rays: np.ndarray) -> tuple[RayHits, np.ndarray]:
    hit = np.flatnonzero(hits.face_index >= 0)
    kept = RayHits(
        face_index=hits.face_index[hit], barycentric=hits.barycentric[hit], distance=hits.distance[hit]
    )
    return kept, rays[hit]
