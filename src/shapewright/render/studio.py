"""Pictures of meshes to be shown: antialiased, in pleasant light, with the textures that files bring."""

from __future__ import annotations

import numpy as np

from shapewright.geometry.cameras import Camera
from shapewright.geometry.corner_normals import corner_normals
from shapewright.geometry.light import srgb_to_linear
from shapewright.geometry.mesh import Material, Mesh, TexturedMesh, vertex_normals
from shapewright.geometry.opaque_hits import first_opaque
from shapewright.geometry.raycast import Raycaster
from shapewright.render.antialiasing import antialiased, supersampled
from shapewright.render.studio_light import studio_light

__all__ = ["Studio"]

UNPAINTED = 0.8


class Studio:
    """A mesh made ready for many pictures. Those that we make are smooth; those of files keep their edges."""

    def __init__(self, mesh: Mesh | TexturedMesh) -> None:
        self.mesh = painted(mesh)
        self.raycaster = Raycaster(mesh.vertices, mesh.faces)
        if isinstance(mesh, Mesh):
            self.normals = vertex_normals(mesh.vertices, mesh.faces)[mesh.faces]
        else:
            self.normals = corner_normals(mesh.vertices, mesh.faces)
        corners = mesh.vertices[mesh.faces].astype(np.float32)
        self.sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])

    def picture(
        self,
        camera: Camera,
        *,
        background: tuple[float, float, float] | None = None,
        everywhere: bool = False,
    ) -> np.ndarray:
        """(H, W, 4) float32: sRGB and straight alpha in [0, 1], opaque with a `background`.

        everywhere: many rays through every pixel, not only at edges: the plain twin.
        """
        draw = supersampled if everywhere else antialiased
        return draw(
            lambda origins, directions: self.seen(origins, directions, camera), camera, background=background
        )

    def seen(self, origins: np.ndarray, directions: np.ndarray, camera: Camera) -> np.ndarray:
        """Lit linear colour, and 1, (N, 4) where rays (N, 3) meet the mesh; zeros elsewhere."""
        hits = first_opaque(self.mesh, self.raycaster, origins, directions)
        normals = np.einsum("nk,nkc->nc", hits.barycentric, self.normals[hits.face])
        # files do not always say which side is out; what is seen is lit
        turned = np.einsum("nc,nc->n", self.sides[hits.face], directions[hits.ray]) > 0
        normals[turned] *= -1
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
        seen = np.zeros((len(directions), 4), dtype=np.float32)
        light = studio_light(normals, camera)
        seen[hits.ray, :3] = np.minimum(srgb_to_linear(hits.color) * light[:, None], 1.0)
        seen[hits.ray, 3] = 1.0
        return seen


def painted(mesh: Mesh | TexturedMesh) -> TexturedMesh:
    """`mesh` with a material, which its vertex colours replace if it has some."""
    if isinstance(mesh, TexturedMesh):
        return mesh
    shade = UNPAINTED if mesh.vertex_colors is None else 1.0
    return TexturedMesh(
        vertices=mesh.vertices,
        faces=mesh.faces,
        face_materials=np.zeros(len(mesh.faces), dtype=np.int64),
        materials=(Material(diffuse=(shade, shade, shade)),),
        vertex_colors=mesh.vertex_colors,
    )
