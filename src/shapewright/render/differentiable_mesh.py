"""Pictures of a coloured mesh whose gradients reach its vertices and colours, outlines included.

What is seen is decided first, without gradients (`look`); the picture (`draw`) is then a function of vertex
positions, normals and colours in which those decisions are constants.

Shapes: V vertices, F triangles, S pixels that see the mesh, P pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from shapewright.geometry.cameras import Camera
from shapewright.render.differentiable_light import (
    diffuse_light,
    linear_to_srgb,
    smooth_normals,
    srgb_to_linear,
)
from shapewright.render.rasterize import ProjectedVertices, cross, project, rasterize
from shapewright.render.silhouette import Crossings, antialias, edge_numbers, find_crossings

__all__ = [
    "Sight",
    "SurfaceViews",
    "black_views",
    "draw",
    "finish",
    "lit_colors",
    "look",
    "mean_of_samples",
    "render_mesh_views",
]

# Colours of pixels that are covered less than this fade: their share of the light cannot be told.
LEAST_COVERAGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class SurfaceViews:
    """Pictures of one object by V cameras of one size.

    `color` is sRGB in [0, 1] over black, that is multiplied by `coverage`; over another background it is
    color + (1 - coverage) * background. `coverage` in [0, 1] is the part of the pixel that is not background.
    """

    color: Float[Tensor, "v h w 3"]
    coverage: Float[Tensor, "v h w"]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one camera sees of a mesh: the pixels that show it, by which corners; and its outlines."""

    camera: Camera
    supersample: int
    pixels: Int[Tensor, "s"]
    corners: Int[Tensor, "s 3"]
    crossings: Crossings


def render_mesh_views(
    vertices: Float[Tensor, "v 3"],
    faces: Int[Tensor, "f 3"],
    colors: Float[Tensor, "v 3"],
    cameras: Sequence[Camera],
    *,
    supersample: int = 1,
) -> SurfaceViews:
    """A mesh with sRGB vertex `colors` as `render_mesh` shows it, differentiable in vertices and colours.

    Normals are smooth; colours are interpolated, lit and mixed in linear light; every pixel is the mean of
    supersample^2 smaller ones. The cameras' pictures are of one size.
    """
    numbers = edge_numbers(faces)
    normals, linear = smooth_normals(vertices, faces), srgb_to_linear(colors)
    images = [
        draw(look(vertices, faces, numbers, camera, supersample), vertices, normals, linear)
        for camera in cameras
    ]
    return finish(images)


@torch.no_grad()
def look(
    positions: Float[Tensor, "v 3"],
    faces: Int[Tensor, "f 3"],
    numbers: Int[Tensor, "f 3"],
    camera: Camera,
    supersample: int = 1,
) -> Sight:
    """Decide what `camera` sees. `numbers`: of the mesh's edges, see `edge_numbers`."""
    vertices = project(positions, camera, supersample)
    seen = rasterize(vertices, faces)
    pixels = torch.nonzero(seen.triangle >= 0)[:, 0]
    return Sight(
        camera=camera,
        supersample=supersample,
        pixels=pixels,
        corners=faces[seen.triangle[pixels]],
        crossings=find_crossings(vertices, faces, numbers, seen),
    )


def draw(
    sight: Sight,
    positions: Float[Tensor, "v 3"],
    normals: Float[Tensor, "v 3"],
    linear_colors: Float[Tensor, "v 3"],
) -> Float[Tensor, "h w 4"]:
    """Light (linear, over black) and coverage at every pixel of the camera."""
    vertices = project(positions, sight.camera, sight.supersample)
    shares = pixel_shares(vertices, sight)[..., None]
    color = (linear_colors[sight.corners] * shares).sum(dim=1)
    normal = (normals[sight.corners] * shares).sum(dim=1)
    lit = torch.cat([lit_colors(color, normal), torch.ones_like(color[:, :1])], dim=-1)
    image = lit.new_zeros(vertices.height_px * vertices.width_px, 4).index_put((sight.pixels,), lit)
    image = antialias(image, sight.crossings, vertices.points)
    return mean_of_samples(image.view(vertices.height_px, vertices.width_px, 4), sight.supersample)


def lit_colors(linear_colors: Float[Tensor, "s 3"], normals: Float[Tensor, "s 3"]) -> Float[Tensor, "s 3"]:
    """Colours under the light; the normals are interpolated ones, of any length."""
    length = normals.square().sum(dim=-1, keepdim=True).clamp(min=1e-12).sqrt()
    return linear_colors * diffuse_light(normals / length)[:, None]


def pixel_shares(vertices: ProjectedVertices, sight: Sight) -> Float[Tensor, "s 3"]:
    """Weights of the corners of the triangle that each pixel shows at its centre, with perspective."""
    pixel = torch.stack([sight.pixels % vertices.width_px, sight.pixels // vertices.width_px], dim=-1)
    a, b, c = (vertices.points[sight.corners] - pixel.to(vertices.points.dtype)[:, None]).unbind(dim=1)
    shares = torch.stack([cross(b, c), cross(c, a), cross(a, b)], dim=-1) / vertices.depth[sight.corners]
    return shares / shares.sum(dim=-1, keepdim=True)


def mean_of_samples(image: Float[Tensor, "a b 4"], supersample: int) -> Float[Tensor, "h w 4"]:
    if supersample == 1:
        return image
    return F.avg_pool2d(image.permute(2, 0, 1)[None], supersample)[0].permute(1, 2, 0)


def finish(images: Sequence[Float[Tensor, "h w 4"]]) -> SurfaceViews:
    """Pictures of linear light over black and coverage, as sRGB over black."""
    image = torch.stack(list(images))
    coverage = image[..., 3].clamp(0, 1)
    straight = image[..., :3] / coverage.clamp(min=LEAST_COVERAGE)[..., None]
    return SurfaceViews(color=linear_to_srgb(straight) * coverage[..., None], coverage=coverage)


def black_views(cameras: Sequence[Camera], anchor: Tensor) -> SurfaceViews:
    """Pictures of nothing, through which a gradient of zero flows to `anchor`."""
    shape = (len(cameras), cameras[0].height_px, cameras[0].width_px)
    coverage = anchor.new_zeros(shape, dtype=torch.float32) + (anchor.flatten()[:1] * 0).float().sum()
    return SurfaceViews(color=coverage[..., None].expand(*shape, 3), coverage=coverage)
