"""Textures baked from a field: its colour at the place on the surface that each texel shows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from shapewright.field import Field, FieldWeights, PreparedField
from shapewright.geometry.mesh import Mesh, Texture, vertex_normals
from shapewright.geometry.sampling import interpolate
from shapewright.geometry.uv_atlas import UvAtlas, unwrap
from shapewright.render.fast_surface import SIGNED_DISTANCE, STF_COLOR
from shapewright.render.rasterize import ProjectedVertices, rasterize

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

    project: look at the nearest place on the field's own surface, for meshes that leave it, such as simplified
    ones; surfaces from grids are so close that it changes nothing that 8 bits could show. Fields that do not
    know distances cannot be projected on and are asked where the mesh is.
    Texels that no triangle covers have the colour of the nearest one that does: no seams, at any distance.
    """
    atlas = unwrap(mesh.vertices, mesh.faces, size_px=size_px)
    texels = covered_texels(atlas, size_px)
    prepared = field.prepared(weights)
    places = _on_mesh(mesh.vertices, mesh.faces, texels, weights[0].device)
    truncation = field.config.signed_distance_truncation
    if project and truncation is not None:
        normals = _on_mesh(vertex_normals(mesh.vertices, mesh.faces), mesh.faces, texels, places.device)
        places = _projected(prepared, places, normals, truncation)
    colors = torch.sigmoid(prepared.at(places, STF_COLOR)).cpu().numpy()
    image = _filled(texels.pixel, np.round(colors * 255).astype(np.uint8), size_px)
    return replace(
        mesh, texture=Texture(image=image, uvs=atlas.uvs, source=atlas.source, faces=atlas.faces)
    )


def covered_texels(atlas: UvAtlas, size_px: int) -> Texels:
    """Which triangle of the atlas each texel of a square texture shows, and where in it."""
    points = _in_texels(atlas.uvs, size_px)
    flat = ProjectedVertices(
        points=torch.from_numpy(points),
        depth=torch.ones(len(points), dtype=torch.float64),
        height_px=size_px,
        width_px=size_px,
        pixel_width=1.0,
    )
    seen = rasterize(flat, torch.from_numpy(atlas.faces)).triangle.numpy()
    pixel = np.flatnonzero(seen >= 0)
    face = seen[pixel]
    middles = np.column_stack([pixel % size_px, pixel // size_px])
    return Texels(pixel=pixel, face=face, barycentric=_weights(points[atlas.faces[face]], middles))


def _in_texels(uvs: np.ndarray, size_px: int) -> np.ndarray:
    """Places (T, 2) where texels' middles are whole numbers, x to the right and y down."""
    flipped = np.column_stack([uvs[:, 0], 1.0 - uvs[:, 1].astype(np.float64)])
    return flipped * size_px - 0.5


def _weights(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Barycentric weights (N, 3) of points (N, 2) in triangles (N, 3, 2) that have an area."""
    a, b, c = (corners[:, k] - points for k in range(3))
    parts = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=-1)
    return (parts / parts.sum(axis=-1, keepdims=True)).astype(np.float32)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


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
    rows, columns = distance_transform_edt(
        empty.reshape(size_px, size_px), return_distances=False, return_indices=True
    )
    return image.reshape(size_px, size_px, 3)[rows, columns]
