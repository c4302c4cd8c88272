"""Pictures of coloured meshes by ray casting."""

from __future__ import annotations

import numpy as np

from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import diffuse_light, linear_to_srgb, srgb_to_linear
from shapewright.geometry.mesh import Mesh, vertex_normals
from shapewright.geometry.raycast import Raycaster

__all__ = ["MeshRenderer", "render_mesh"]

UNPAINTED = 0.8


class MeshRenderer:
    """A mesh made ready for many pictures: the acceleration structure, normals and linear colours."""

    def __init__(self, mesh: Mesh) -> None:
        colors = mesh.vertex_colors
        self.faces = mesh.faces
        self.raycaster = Raycaster(mesh.vertices, mesh.faces)
        self.normals = vertex_normals(mesh.vertices, mesh.faces)
        self.linear_colors = srgb_to_linear(
            np.full_like(mesh.vertices, UNPAINTED) if colors is None else colors
        )

    def render(
        self, camera: Camera, *, background: tuple[float, float, float] | None = None, supersample: int = 2
    ) -> np.ndarray:
        """See `render_mesh`."""
        total = np.zeros((camera.height_px * camera.width_px, 4), dtype=np.float32)
        steps = (np.arange(supersample) + 0.5) / supersample - 0.5
        for right in steps:
            for down in steps:
                self._add_rays(total, *camera.rays(offset_px=(float(right), float(down))))
        alpha = total[:, 3:] / supersample**2
        color = linear_to_srgb(total[:, :3] / np.maximum(total[:, 3:], 1.0))
        if background is not None:
            color = color * alpha + (1.0 - alpha) * np.asarray(background)
            alpha = np.ones_like(alpha)
        rgba = np.concatenate([color, alpha], axis=-1, dtype=np.float32)
        return rgba.reshape(camera.height_px, camera.width_px, 4)

    def _add_rays(self, total: np.ndarray, origins: np.ndarray, directions: np.ndarray) -> None:
        """Add the lit linear colour, and 1, to the pixels (N, 4) whose ray meets the mesh."""
        hits = self.raycaster.cast(origins.reshape(-1, 3), directions.reshape(-1, 3))
        pixels = np.flatnonzero(hits.face_index >= 0)
        corners = self.faces[hits.face_index[pixels]]
        shares = hits.barycentric[pixels, :, None]
        normals = (self.normals[corners] * shares).sum(axis=1)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
        color = (self.linear_colors[corners] * shares).sum(axis=1)
        total[pixels, :3] += color * diffuse_light(normals)[:, None]
        total[pixels, 3] += 1.0


def render_mesh(
    mesh: Mesh, camera: Camera, *, background: tuple[float, float, float] | None = None, supersample: int = 2
) -> np.ndarray:
    """A picture (H, W, 4) float32 of `mesh`: sRGB and straight alpha in [0, 1], opaque with a `background`.

    Normals are smooth; the light is the one of all our views (geometry.light); every pixel is the mean, in
    linear light, of supersample^2 rays. For several pictures of one mesh make a `MeshRenderer`.
    """
    return MeshRenderer(mesh).render(camera, background=background, supersample=supersample)
