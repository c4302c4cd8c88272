"""The light and colour spaces of geometry.light as differentiable tensors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.geometry import light

__all__ = ["diffuse_light", "linear_to_srgb", "smooth_normals", "srgb_to_linear"]


def diffuse_light(normals: Float[Tensor, "n 3"]) -> Float[Tensor, "n"]:
    """Light intensity in [0.3, 1] on surfaces with unit `normals`; sign does not matter."""
    direction = normals.new_tensor(light.LIGHT_DIRECTION.tolist())
    return light.AMBIENT + light.DIFFUSE * (normals * direction).sum(dim=-1).abs()


def srgb_to_linear(srgb: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """sRGB in [0, 1] to linear light, elementwise."""
    srgb = srgb.clamp(0, 1)
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Linear light in [0, 1] to sRGB, elementwise; steep but finite at black."""
    linear = linear.clamp(0, 1)
    curved = linear.clamp(min=0.0031308)  # the power's slope is infinite at 0, also where it is not chosen
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * curved ** (1 / 2.4) - 0.055)


def smooth_normals(positions: Float[Tensor, "v 3"], faces: Tensor) -> Float[Tensor, "v 3"]:
    """Unit normals: means of the faces' (F, 3) normals, weighted by area; zero where there are none."""
    a, b, c = positions[faces].unbind(dim=1)
    twice_area = torch.linalg.cross(b - a, c - a)
    sums = torch.zeros_like(positions).index_add(0, faces.flatten(), twice_area.repeat_interleave(3, dim=0))
    return sums / sums.square().sum(dim=-1, keepdim=True).clamp(min=1e-24).sqrt()
