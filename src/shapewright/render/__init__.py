"""A field as something to look at: NeRF pictures, meshes and pictures of meshes."""

from shapewright.render.differentiable_surface import SurfaceViews, render_surface_views
from shapewright.render.nerf import NerfConfig, NerfImage, render_nerf, render_nerf_image
from shapewright.render.shading import MeshRenderer, render_mesh
from shapewright.render.surface import extract_mesh

__all__ = [
    "MeshRenderer",
    "NerfConfig",
    "NerfImage",
    "SurfaceViews",
    "extract_mesh",
    "render_mesh",
    "render_nerf",
    "render_nerf_image",
    "render_surface_views",
]
