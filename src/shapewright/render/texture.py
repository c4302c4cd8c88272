"""Textures baked from a field: its colour at the place on the surface that each texel shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from shapewright.field import Field, FieldWeights, PreparedField
from shapewright.geometry.mesh import Mesh, Texture, vertex_normals
from shapewright.geometry.raycast import Raycaster
from shapewright.geometry.sampling import interpolate
from shapewright.geometry.uv_atlas import UvAtlas, unwrap
from shapewright.render.fast_surface import SIGNED_DISTANCE, STF_COLOR

__all__ = ["Texels", "bake_texture", "covered_texels"]


@dataclass(frozen=True, kw_only=True)
class Texels:
    """The N texels whose middle a triangle covers, and what they show."""

    pixel: np.ndarray  # (N,) int64, row by row from the top
    face: np.ndarray  # (N,) int64
    barycentric: np.ndarray  # (N, 3) float32


@torch.no_grad()
def bake_texture(
    field: Field, weights: FieldWeights, mesh: Mesh, *, size_px: int = 1024, project: bool = False
) -> Mesh:
    """`mesh` with a texture of `size_px` a side, coloured by the field (weights of a batch of 1).

    project: look at the nearest place on the field's own surface, for meshes that leave it, such as
    simplified ones; surfaces from grids are so close that it changes nothing that 8 bits could show.
    Fields that do not know distances cannot be projected on and are asked where the mesh is.
    Texels that no triangle covers have the colour of the nearest one that does: no seams, at any distance.
    """
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=size_px)
    texels = covered_texels(atlas, size_px)
    # Half precision moves colours of the shipped model by 0.002 at most, those of steeper fields by 0.05,
    # and saves a quarter of the time: not worth it.
    prepared = field.prepared(weights, torch.float32)
    places = _on_mesh(mesh.vertices, mesh.faces, texels, weights[0].device)
    truncation = field.config.signed_distance_truncation
    if project and truncation is not None:
        normals = _on_mesh(vertex_normals(mesh.vertices, mesh.faces), mesh.faces, texels, places.device)
        places = _projected(prepared, places, normals, truncation)
    colors = torch.sigmoid(prepared.at(places, STF_COLOR)).cpu().numpy()
    image = _filled(texels.pixel, np.round(colors * 255).astype(np.uint8), size_px)
    return replace(mesh, texture=Texture(image=image, uvs=atlas.uvs, source=atlas.source, faces=atlas.faces))


def covered_texels(atlas: UvAtlas, size_px: int) -> Texels:
    """Which triangle of the atlas each texel of a square texture shows, and where in it.

    By casting a ray through every texel: a quarter of the time of drawing so many small triangles.
    """
    flat = np.column_stack([atlas.uvs, np.zeros(len(atlas.uvs), dtype=np.float32)])
    middles = (np.arange(size_px) + 0.5) / size_px
    u, v = np.meshgrid(middles, 1.0 - middles)
    origins = np.column_stack([u.reshape(-1), v.reshape(-1), np.ones(u.size)])
    hits = Raycaster(flat, atlas.faces).cast(origins, np.tile([0.0, 0.0, -1.0], (len(origins), 1)))
    pixel = np.flatnonzero(hits.face_index >= 0)
    return Texels(pixel=pixel, face=hits.face_index[pixel], barycentric=hits.barycentric[pixel])


def _on_mesh(values: np.ndarray, faces: np.ndarray, texels: Texels, device: torch.device) -> torch.Tensor:
    """Vertices' `values` (V, 3) at the texels."""
    return torch.from_numpy(interpolate(values, faces, texels.face, texels.barycentric)).float().to(device)


def _projected(
    prepared: PreparedField, places: torch.Tensor, normals: torch.Tensor, truncation: float
) -> torch.Tensor:
    """One step along the normals by the signed distance, which is positive inside; at most the truncation."""
    distance = prepared.at(places, SIGNED_DISTANCE).clamp(-1.0, 1.0) * truncation
    return places + torch.nn.functional.normalize(normals, dim=-1) * distance


def _filled(pixel: np.ndarray, colors: np.ndarray, size_px: int) -> np.ndarray:
    """A picture (size_px, size_px, 3) of the colours (N, 3) at `pixel` (N,), spread to all others."""
    image = np.zeros((size_px * size_px, 3), dtype=np.uint8)
    image[pixel] = colors
    empty = np.ones(size_px * size_px, dtype=bool)
    empty[pixel] = False
    nearest = distance_transform_edt(
        empty.reshape(size_px, size_px), return_distances=False, return_indices=True
    )
    rows, columns = np.asarray(nearest)
    return image.reshape(size_px, size_px, 3)[rows, columns]
