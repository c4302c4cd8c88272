"""Volume rendering of a field: colours along rays, differentiably.

Shapes: B assets, R rays of each, S samples of a ray.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldOutput, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.render.ray_marks import RayMarks, draw_marks

__all__ = ["NerfConfig", "NerfImage", "render_nerf", "render_nerf_image"]

# A ray that stays in the box for less than this does not see the field.
SHORTEST_RANGE = 1e-3
# Keeps every part of a ray reachable by importance samples.
LEAST_WEIGHT = 1e-5


@dataclass(frozen=True, kw_only=True)
class NerfConfig:
    """How a ray is sampled, and the colour behind the box, sRGB in [0, 1]. Defaults are as published."""

    coarse_samples: int = 64
    fine_samples: int = 128
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.coarse_samples < 1 or self.fine_samples < 0:
            raise ConfigError(
                "a ray needs at least 1 coarse and 0 fine samples, "
                f"got {self.coarse_samples} and {self.fine_samples}"
            )


@dataclass(frozen=True, kw_only=True)
class NerfImage:
    """What rays see. `color` is sRGB in [0, 1] with the background added behind what is transparent.

    `distance` is the sum of weight * t over the samples, not divided by opacity: 0 for a ray that meets
    nothing. `coarse` is the same from the coarse samples and outputs alone, for its own training loss.
    """

    color: Float[Tensor, "*b r 3"]
    transmittance: Float[Tensor, "*b r"]
    distance: Float[Tensor, "*b r"]
    coarse: NerfImage | None = None


@dataclass(frozen=True, kw_only=True)
class RayRange:
    """The part of each ray inside the box; `near` = `far` = 0 where it misses."""

    near: Float[Tensor, "*b r"]
    far: Float[Tensor, "*b r"]

    def edges(self, t: Float[Tensor, "*b r s"]) -> Float[Tensor, "*b r s+1"]:
        """Borders of the samples' shares of the range: halfway between neighbours."""
        middles = (t[..., 1:] + t[..., :-1]) / 2
        return torch.cat([self.near[..., None], middles, self.far[..., None]], dim=-1)


def render_nerf(
    field: Field,
    weights: FieldWeights,
    origins: Float[Tensor, "b r 3"],
    directions: Float[Tensor, "b r 3"],
    config: NerfConfig,
    *,
    generator: torch.Generator | None = None,
    marks: RayMarks | None = None,
    use_directions: bool = False,
) -> NerfImage:
    """Colour, transmittance and distance along rays with unit `directions`.

    Samples are at `marks` or, without any, stratified with draws from `generator`; with neither, at the
    middles of their strata.
    The fine level integrates the fine outputs over the union of both levels' positions; the coarse
    positions are not queried again for it, because one query answers for both levels.

    Source: Shap-E, sections 3.2 and 4.2; NUMERICS "NeRF integral".
    """
    rays = intersect_box(origins, directions)
    background = origins.new_tensor(config.background)
    seen_along = directions if use_directions else None
    marks = marks or draw_marks(origins, config.coarse_samples, config.fine_samples, generator)

    t_coarse = place_in_range(marks.coarse, rays)
    coarse = query_rays(field, weights, origins, directions, t_coarse, seen_along)
    coarse_image, importance = integrate(
        coarse.density_coarse.view(t_coarse.shape),
        by_ray(coarse.color_coarse, t_coarse),
        t_coarse,
        rays,
        background,
    )
    t, density, color = (
        t_coarse,
        coarse.density_fine.view(t_coarse.shape),
        by_ray(coarse.color_fine, t_coarse),
    )
    if config.fine_samples:
        t_fine = place_by_importance(marks.fine, importance.detach(), rays.edges(t_coarse).detach())
        fine = query_rays(field, weights, origins, directions, t_fine, seen_along)
        t, order = torch.sort(torch.cat([t_coarse, t_fine], dim=-1), dim=-1)
        density = torch.cat([density, fine.density_fine.view(t_fine.shape)], dim=-1).gather(-1, order)
        color = torch.cat([color, by_ray(fine.color_fine, t_fine)], dim=-2)
        color = color.gather(-2, order[..., None].expand_as(color))
    image, _ = integrate(density, color, t, rays, background)
    return replace(image, coarse=coarse_image)


def intersect_box(origins: Float[Tensor, "*b r 3"], directions: Float[Tensor, "*b r 3"]) -> RayRange:
    """Where rays are inside [-1, 1]^3, in front of their origins."""
    tiny = torch.full_like(directions, 1e-12)
    slopes = torch.where(directions.abs() < 1e-12, tiny, directions)  # parallel to a side: far away, not NaN
    t_low, t_high = (-1 - origins) / slopes, (1 - origins) / slopes
    near = torch.minimum(t_low, t_high).amax(dim=-1).clamp(min=0)
    far = torch.maximum(t_low, t_high).amin(dim=-1)
    hit: Bool[Tensor, "*b r"] = far - near > SHORTEST_RANGE
    nothing = torch.zeros_like(near)
    return RayRange(near=torch.where(hit, near, nothing), far=torch.where(hit, far, nothing))


def place_in_range(marks: Float[Tensor, "*b r s"], rays: RayRange) -> Float[Tensor, "*b r s"]:
    return torch.lerp(rays.near[..., None], rays.far[..., None], marks)


def place_by_importance(
    marks: Float[Tensor, "*b r s"], importance: Float[Tensor, "*b r c"], edges: Float[Tensor, "*b r c+1"]
) -> Float[Tensor, "*b r s"]:
    """Invert the cumulative distribution of blurred `importance` between `edges` at `marks` in [0, 1].

    Source: Mip-NeRF, section 3.1 (maximum of neighbours, then their mean), as in the reference.
    """
    padded = torch.cat([importance[..., :1], importance, importance[..., -1:]], dim=-1)
    highest = torch.maximum(padded[..., 1:], padded[..., :-1])
    share = (highest[..., 1:] + highest[..., :-1]) / 2 + LEAST_WEIGHT
    share = share / share.sum(dim=-1, keepdim=True)
    reached = torch.cumsum(share, dim=-1)
    part = torch.searchsorted(reached, marks.contiguous()).clamp(max=share.shape[-1] - 1)
    share_here = share.gather(-1, part)
    start = reached.gather(-1, part) - share_here
    within = ((marks - start) / share_here).clamp(0, 1)
    return torch.lerp(edges.gather(-1, part), edges.gather(-1, part + 1), within)


def query_rays(
    field: Field,
    weights: FieldWeights,
    origins: Float[Tensor, "b r 3"],
    directions: Float[Tensor, "b r 3"],
    t: Float[Tensor, "b r s"],
    seen_along: Float[Tensor, "b r 3"] | None,
) -> FieldOutput:
    """The field at all samples of all rays, (B, R * S) points."""
    positions = origins[..., None, :] + t[..., None] * directions[..., None, :]
    along = None if seen_along is None else seen_along[..., None, :].expand_as(positions).flatten(1, 2)
    return field.query(weights, positions.flatten(1, 2), along)


def by_ray(color: Float[Tensor, "b n 3"], t: Float[Tensor, "b r s"]) -> Float[Tensor, "b r s 3"]:
    return color.view(*t.shape, 3)


def integrate(
    density: Float[Tensor, "*b r s"],
    color: Float[Tensor, "*b r s 3"],
    t: Float[Tensor, "*b r s"],
    rays: RayRange,
    background: Float[Tensor, "3"],
) -> tuple[NerfImage, Float[Tensor, "*b r s"]]:
    """The image, and every sample's weight = transmittance up to it * its own opacity."""
    optical_depth = density * torch.diff(rays.edges(t), dim=-1)
    passed = torch.cumsum(optical_depth, dim=-1)
    importance = torch.exp(optical_depth - passed) * -torch.expm1(-optical_depth)
    transmittance = torch.exp(-passed[..., -1])
    image = NerfImage(
        color=(importance[..., None] * color).sum(dim=-2) + transmittance[..., None] * background,
        transmittance=transmittance,
        distance=(importance * t).sum(dim=-1),
    )
    return image, importance


@torch.no_grad()
def render_nerf_image(
    field: Field,
    weights: FieldWeights,
    camera: Camera,
    config: NerfConfig | None = None,
    *,
    background: tuple[float, float, float] | None = None,
    use_directions: bool = False,
    rays_at_once: int = 2048,
) -> np.ndarray:
    """One asset (weights of a batch of 1) as a picture (H, W, 4) float32: sRGB and alpha in [0, 1].

    Alpha is straight; with a `background` the picture is opaque. The config's own background is not used.
    """
    assert all(w.shape[0] == 1 for w in weights), "one asset at a time"
    config = replace(config or NerfConfig(), background=(0.0, 0.0, 0.0))
    origins, directions = (torch.from_numpy(np.array(rays)).to(weights[0].device) for rays in camera.rays())
    origins, directions = origins.view(1, -1, 3), directions.view(1, -1, 3)
    picture = origins.new_zeros(origins.shape[1], 4)
    rays = intersect_box(origins, directions)
    for part in torch.nonzero((rays.far > rays.near)[0])[:, 0].split(rays_at_once):
        seen = render_nerf(
            field, weights, origins[:, part], directions[:, part], config, use_directions=use_directions
        )
        picture[part, :3], picture[part, 3] = seen.color[0], 1 - seen.transmittance[0]
    return finish_picture(picture.view(camera.height_px, camera.width_px, 4).cpu().numpy(), background)


def finish_picture(premultiplied: np.ndarray, background: tuple[float, float, float] | None) -> np.ndarray:
    """Colour multiplied by alpha (H, W, 4) to straight alpha, or opaque over `background`."""
    color, alpha = premultiplied[..., :3], premultiplied[..., 3:]
    if background is not None:
        color, alpha = color + (1 - alpha) * np.asarray(background, dtype=np.float32), np.ones_like(alpha)
    else:
        color = color / np.maximum(alpha, 1e-6)
    return np.clip(np.concatenate([color, alpha], axis=-1), 0.0, 1.0).astype(np.float32)
