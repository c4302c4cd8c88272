"""Pictures of an asset: sRGB with alpha, and depth, under the reference's light."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import shade
from shapewright.geometry.mesh import TexturedMesh, face_areas_and_normals
from shapewright.geometry.opaque_hits import first_opaque
from shapewright.geometry.raycast import Raycaster

__all__ = ["Views", "render_views"]


@dataclass(frozen=True, kw_only=True)
class Views:
    """V pictures with their cameras."""

    images: np.ndarray  # (V, H, W, 4) uint8, sRGB, straight alpha
    depths: np.ndarray  # (V, H, W) float32, along the camera's z axis; infinite on the background
    cameras: list[Camera]

    def chosen(self, indices: Sequence[int] | np.ndarray) -> Views:
        """These of them, in this order."""
        numbers = np.asarray(indices, dtype=np.int64)
        return Views(
            images=self.images[numbers],
            depths=self.depths[numbers],
            cameras=[self.cameras[index] for index in numbers.tolist()],
        )


def render_views(
    mesh: TexturedMesh, raycaster: Raycaster, cameras: list[Camera], *, supersample: int = 2
) -> Views:
    """`mesh` seen by each camera, with `supersample`^2 rays a pixel."""
    _, normals = face_areas_and_normals(mesh.vertices, mesh.faces)
    used = mesh.vertices[np.unique(mesh.faces)]
    box = np.stack([used.min(axis=0), used.max(axis=0)])
    pictures = [
        _render(mesh, normals.astype(np.float32), raycaster, one, supersample, box) for one in cameras
    ]
    return Views(
        images=np.stack([image for image, _ in pictures]),
        depths=np.stack([depth for _, depth in pictures]),
        cameras=cameras,
    )


def _render(
    mesh: TexturedMesh,
    normals: np.ndarray,
    raycaster: Raycaster,
    camera: Camera,
    supersample: int,
    box: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Image (H, W, 4), depth (H, W). Only pixels that may see the mesh's `box` (2, 3) are computed."""
    window = _pixels_of_box(camera, box)
    image = np.zeros((camera.height_px, camera.width_px, 4), dtype=np.uint8)
    depth = np.full((camera.height_px, camera.width_px), np.inf, dtype=np.float32)
    shape = depth[window].shape
    color_sum, hit_count = np.zeros((*shape, 3), dtype=np.float32), np.zeros(shape, dtype=np.float32)
    depth_sum = np.zeros(shape, dtype=np.float32)
    steps = (np.arange(supersample) + 0.5) / supersample - 0.5
    for offset in [(x, y) for y in steps for x in steps]:
        origins, directions = camera.rays(offset_px=offset, window=window)
        flat = directions.reshape(-1, 3)
        index, colors, distance = _first_opaque(mesh, normals, raycaster, origins.reshape(-1, 3), flat)
        color_sum.reshape(-1, 3)[index] += colors
        hit_count.reshape(-1)[index] += 1.0
        depth_sum.reshape(-1)[index] += distance * (flat[index] @ camera.z)
    hit = hit_count > 0
    share = np.maximum(hit_count, 1.0)
    seen = np.concatenate([color_sum / share[..., None], (hit_count / supersample**2)[..., None]], axis=-1)
    image[window] = np.round(seen * 255.0).astype(np.uint8)
    depth[window] = np.where(hit, depth_sum / share, np.float32(np.inf))
    return image, depth


def _pixels_of_box(camera: Camera, box: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the pixels in which anything between the corners `box` (2, 3) can appear."""
    corners = np.array(list(itertools.product(*box.T))) - camera.origin
    ahead = corners @ camera.z
    if (ahead < 1e-3).any():  # partly behind the camera: it may appear anywhere
        return slice(None), slice(None)
    return (
        _span(corners @ camera.y / ahead, camera.height_px, camera.fov_y_rad),
        _span(corners @ camera.x / ahead, camera.width_px, camera.fov_x_rad),
    )


def _span(tangents: np.ndarray, size_px: int, fov_rad: float) -> slice:
    """Pixels between the least and the greatest of the tangents, and one more on either side."""
    pixels = (tangents / np.tan(fov_rad / 2) + 1.0) / 2.0 * (size_px - 1)
    first, last = int(np.floor(pixels.min())) - 1, int(np.ceil(pixels.max())) + 1
    return slice(min(max(first, 0), size_px), min(max(last + 1, 0), size_px))


def _first_opaque(
    mesh: TexturedMesh,
    normals: np.ndarray,
    raycaster: Raycaster,
    origins: np.ndarray,
    directions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For the rays that meet something opaque: their index (M,), shaded colour (M, 3), distance (M,)."""
    hits = first_opaque(mesh, raycaster, origins, directions)
    return hits.ray, shade(hits.color, normals[hits.face]), hits.distance
