"""A field as something to look at: NeRF pictures, meshes and pictures of meshes."""

from shapewright.render.differentiable_surface import SurfaceViews, render_surface_views
from shapewright.render.fast_nerf import FastNerf, FastNerfConfig
from shapewright.render.fast_surface import extract_mesh_fast, surface_colors
from shapewright.render.nerf import NerfConfig, NerfImage, render_nerf, render_nerf_image
from shapewright.render.nerf_in_parts import render_nerf_in_parts
from shapewright.render.ray_marks import RayMarks, draw_marks
from shapewright.render.shading import MeshRenderer, render_mesh
from shapewright.render.surface import extract_mesh
from shapewright.render.texture import bake_texture

__all__ = [
    "FastNerf",
    "FastNerfConfig",
    "MeshRenderer",
    "NerfConfig",
    "NerfImage",
    "RayMarks",
    "SurfaceViews",
    "bake_texture",
    "draw_marks",
    "extract_mesh",
    "extract_mesh_fast",
    "render_mesh",
    "render_nerf",
    "render_nerf_image",
    "render_nerf_in_parts",
    "render_surface_views",
    "surface_colors",
]
