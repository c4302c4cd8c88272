"""The same pictures drawn by nvdiffrast, where it is installed and the tensors are on a CUDA device.

It is imported only here and only then. Its antialiasing needs triangles that are not smaller than pixels, so
pictures are drawn larger than asked for and averaged.
Source: Laine et al. 2020, "Modular primitives for high-performance differentiable rendering".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapewright.geometry.cameras import Camera
from shapewright.render.differentiable_mesh import lit_colors, mean_of_samples
from shapewright.render.rasterize import in_camera

__all__ = ["can_draw", "clip_positions", "draw_views"]

# Four to a side: pictures of 64 pixels then have pixels of a cell of the usual grid of 128^3.
LEAST_SUPERSAMPLE = 4
NEAR, FAR = 0.01, 100.0


def can_draw(device: torch.device) -> bool:
    """Whether nvdiffrast is installed and works on tensors of this device."""
    return device.type == "cuda" and find_spec("nvdiffrast") is not None


def draw_views(
    positions: Float[Tensor, "v 3"],
    normals: Float[Tensor, "v 3"],
    linear_colors: Float[Tensor, "v 3"],
    faces: Int[Tensor, "f 3"],
    cameras: Sequence[Camera],
    supersample: int = 1,
) -> list[Float[Tensor, "h w 4"]]:
    """For each camera what `differentiable_mesh.draw` returns; at least 4 x 4 samples a pixel."""
    library: Any = import_module("nvdiffrast.torch")
    samples = max(supersample, LEAST_SUPERSAMPLE)
    triangles = faces.int().contiguous()
    attributes = torch.cat([linear_colors, normals], dim=-1)[None].contiguous()
    images: list[Tensor] = []
    for camera in cameras:
        corners = clip_positions(positions, camera)[None].contiguous()
        size = (camera.height_px * samples, camera.width_px * samples)
        seen, _ = library.rasterize(context(positions.device), corners, triangles, size, grad_db=False)
        values, _ = library.interpolate(attributes, seen, triangles)
        covered = (seen[..., 3:] > 0).to(values.dtype)
        lit = lit_colors(values[..., :3].flatten(0, 2), values[..., 3:].flatten(0, 2))
        image = torch.cat([lit.view(*covered.shape[:3], 3) * covered, covered], dim=-1)
        smooth = library.antialias(image.contiguous(), seen, corners, triangles)
        images.append(mean_of_samples(smooth[0], samples))
    return images


def clip_positions(positions: Float[Tensor, "v 3"], camera: Camera) -> Float[Tensor, "v 4"]:
    """Homogeneous coordinates whose picture has our pixels: its first row is ours, at -1.

    Our outermost pixels' centres, not their outer sides, are where the field of view ends.
    """
    x, y, depth = in_camera(positions, camera)
    across = x / math.tan(camera.fov_x_rad / 2) * ((camera.width_px - 1) / camera.width_px)
    down = y / math.tan(camera.fov_y_rad / 2) * ((camera.height_px - 1) / camera.height_px)
    z = (depth * (FAR + NEAR) - 2 * FAR * NEAR) / (FAR - NEAR)
    return torch.stack([across, down, z, depth], dim=-1)


@cache
def context(device: torch.device) -> Any:
    """nvdiffrast's own buffers on this device, made once."""
    return import_module("nvdiffrast.torch").RasterizeCudaContext(device=device)
