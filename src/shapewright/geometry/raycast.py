"""Rays against triangles by Intel's Embree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

__all__ = ["RayHits", "Raycaster"]


@dataclass(frozen=True, kw_only=True)
class RayHits:
    """What N rays met first; `face_index` is -1 and `distance` infinite where they met nothing."""

    face_index: np.ndarray  # (N,) int64
    barycentric: np.ndarray  # (N, 3) float32
    distance: np.ndarray  # (N,) float32, in units of the ray's direction


class Raycaster:
    """An acceleration structure over `vertices` (V, 3) and `faces` (F, 3); both sides of a face are hit."""

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        self._scene = EmbreeScene()
        self._geometry = TriangleMesh(
            self._scene,
            np.ascontiguousarray(vertices, dtype=np.float32),
            np.ascontiguousarray(faces, dtype=np.int32),
        )

    def cast(self, origins: np.ndarray, directions: np.ndarray) -> RayHits:
        """First hits of rays given as (N, 3) origins and unit directions."""
        found = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            output=True,
        )
        face_index = found["primID"].astype(np.int64)
        u, v = found["u"], found["v"]
        return RayHits(
            face_index=face_index,
            barycentric=np.stack([1.0 - u - v, u, v], axis=-1),
            distance=np.where(face_index < 0, np.float32(np.inf), found["tfar"]),
        )
