"""NeRF pictures of one asset by fewer and cheaper queries; `render.nerf` is the plain twin.

A coarse grid says once per asset where it is empty. Rays are sampled as in the plain twin, with fewer fine
samples, but coarse samples in empty space are zero unasked, those behind what is opaque are not asked
either, and rays that meet nothing end there.

Shapes: R rays, S samples of a ray, n nodes a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldWeights, PreparedField
from shapewright.field.point_losses import COARSE_DILATION, DENSITY_RAMP
from shapewright.geometry.cameras import Camera
from shapewright.geometry.light import srgb_to_linear
from shapewright.render.antialiasing import antialiased
from shapewright.render.distance_grid import SAFETY, pooled
from shapewright.render.nerf import (
    RayRange,
    finish_picture,
    integrate,
    intersect_box,
    place_by_importance,
    place_in_range,
)
from shapewright.render.ray_marks import strata

__all__ = ["FastNerf", "FastNerfConfig"]

DENSITIES = slice(0, 3)  # the signed distance and both densities
# What is behind less light than this is not asked for: it changes no colour by more than a tenth of a level.
DARK = 4e-4
# Coarse samples of a ray that are asked together, before it is seen how much light is left.
ROUND = 8
# Rays through a pixel of an edge, in pictures to be shown. The density's own softness does the rest.
EDGE_SAMPLES = 4


@dataclass(frozen=True, kw_only=True)
class FastNerfConfig:
    """How a ray is sampled. `occupancy_nodes` is the side of the grid that tells empty space."""

    coarse_samples: int = 64
    fine_samples: int = 16
    occupancy_nodes: int = 40

    def __post_init__(self) -> None:
        if self.coarse_samples < 1 or self.fine_samples < 1 or self.occupancy_nodes < 2:
            raise ConfigError(
                "fast pictures need at least 1 coarse sample, 1 fine sample and 2 nodes a side, got "
                f"{self.coarse_samples}, {self.fine_samples} and {self.occupancy_nodes}"
            )


# Of the published models it is not known how thin their densities are, nor do distances tell what is empty.
CAREFUL = FastNerfConfig(fine_samples=32, occupancy_nodes=64)


class FastNerf:
    """One asset (weights of a batch of 1) made ready for many pictures, without directions or gradients.

    config: None for what suits the field, more careful where it was not taught at points.
    dtype: of the network's hidden layers; None for the fastest here.
    """

    @torch.no_grad()
    def __init__(
        self,
        field: Field,
        weights: FieldWeights,
        config: FastNerfConfig | None = None,
        *,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.config = config or (FastNerfConfig() if field.config.taught_at_points else CAREFUL)
        self.field = field.prepared(weights, dtype)
        self.occupied = occupied_cells(
            self.field, self.config.occupancy_nodes, field.config.signed_distance_truncation
        )

    @torch.no_grad()
    def render(
        self,
        camera: Camera,
        *,
        background: tuple[float, float, float] | None = None,
        rays_at_once: int = 4096,
    ) -> np.ndarray:
        """As `render_nerf_image`: (H, W, 4) float32, sRGB and straight alpha; opaque with a background."""
        picture = self.colors(*(part.reshape(-1, 3) for part in camera.rays()), rays_at_once=rays_at_once)
        return finish_picture(picture.reshape(camera.height_px, camera.width_px, 4), background)

    def picture(self, camera: Camera, *, background: tuple[float, float, float] | None = None) -> np.ndarray:
        """As `render`, with smoother edges."""
        return antialiased(self.linear_colors, camera, background=background, samples=EDGE_SAMPLES)

    def linear_colors(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """As `colors`, with linear light."""
        rgba = self.colors(origins, directions)
        alpha = rgba[:, 3:]
        return np.concatenate([srgb_to_linear(rgba[:, :3] / np.maximum(alpha, 1e-6)) * alpha, alpha], axis=-1)

    @torch.no_grad()
    def colors(self, origins: np.ndarray, directions: np.ndarray, *, rays_at_once: int = 4096) -> np.ndarray:
        """sRGB colour times alpha, and alpha, (R, 4) float32, along any rays (R, 3)."""
        starts, along = (
            torch.from_numpy(np.array(part)).to(self.occupied.device) for part in (origins, directions)
        )
        picture = starts.new_zeros(len(starts), 4)
        found = intersect_box(starts, along)
        for part in torch.nonzero(found.far > found.near)[:, 0].split(rays_at_once):
            picture[part] = self.seen(starts[part], along[part])
        return picture.cpu().numpy()

    def seen(self, origins: Float[Tensor, "r 3"], directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r 4"]:
        """Colour times alpha, and alpha, of rays that meet the box."""
        rays = intersect_box(origins, directions)
        t = place_in_range(strata(self.config.coarse_samples, origins, None), rays)
        raw = self.coarse_pass(origins, directions, t, rays)
        picture = origins.new_zeros(len(origins), 4)
        met = torch.nonzero((raw[..., 1] > 0).any(dim=-1))[:, 0]
        if len(met):
            rays = RayRange(near=rays.near[met], far=rays.far[met])
            picture[met] = self.fine_pass(origins[met], directions[met], t[met], raw[met], rays)
        return picture

    def coarse_pass(
        self,
        origins: Float[Tensor, "r 3"],
        directions: Float[Tensor, "r 3"],
        t: Float[Tensor, "r s"],
        rays: RayRange,
    ) -> Float[Tensor, "r s 12"]:
        """Raw outputs at the occupied samples that light reaches; zeros elsewhere."""
        raw = t.new_zeros(*t.shape, 12)
        positions = origins[:, None] + t[..., None] * directions[:, None]
        lengths = torch.diff(rays.edges(t), dim=-1)
        waiting = cells_of(positions, self.occupied)
        rank = waiting.cumsum(dim=-1) - 1
        first = 0
        while bool(waiting.any()):
            now = waiting & (rank < first + ROUND)
            raw[now] = self.field.at(positions[now])
            depth = (F.relu(raw[..., 1]).minimum(F.relu(raw[..., 2])) * lengths).sum(dim=-1)
            waiting = waiting & ~now & (torch.exp(-depth) > DARK)[:, None]
            first += ROUND
        return raw

    def fine_pass(
        self,
        origins: Float[Tensor, "r 3"],
        directions: Float[Tensor, "r 3"],
        t_coarse: Float[Tensor, "r s"],
        coarse: Float[Tensor, "r s 12"],
        rays: RayRange,
    ) -> Float[Tensor, "r 4"]:
        """The integral over both levels' samples."""
        black = origins.new_zeros(3)
        _, importance = integrate(F.relu(coarse[..., 1]), coarse[..., 6:9].sigmoid(), t_coarse, rays, black)
        marks = strata(self.config.fine_samples, origins, None)
        t_fine = place_by_importance(marks, importance, rays.edges(t_coarse))
        positions = origins[:, None] + t_fine[..., None] * directions[:, None]
        fine = self.field.at(positions.flatten(0, 1)).view(*t_fine.shape, 12)
        t, order = torch.sort(torch.cat([t_coarse, t_fine], dim=-1), dim=-1)
        raw = torch.cat([coarse, fine], dim=-2).gather(-2, order[..., None].expand(-1, -1, 12))
        image, _ = integrate(F.relu(raw[..., 2]), raw[..., 9:12].sigmoid(), t, rays, black)
        return torch.cat([image.color, 1 - image.transmittance[..., None]], dim=-1)


def occupied_cells(field: PreparedField, nodes: int, truncation: float | None) -> Bool[Tensor, "n n n"]:
    """Cells of a grid over the box that may hold density.

    Where the signed distance is one (`truncation` is its unit), a cell is empty if both densities are zero at
    its corners and the surface is farther from them than its middle is, by SAFETY and the reach of density.
    Otherwise it is empty if the densities are zero at its corners and at those of the cells around it.
    """
    coordinates = torch.linspace(-1, 1, nodes, device=field.output_scale.device)
    every = torch.ones((nodes,) * 3, dtype=torch.bool, device=coordinates.device)
    raw = field.at_nodes(field.tables(coordinates), torch.nonzero(every), DENSITIES)
    dense = (raw[:, 1:] > 0).any(dim=-1)
    if truncation is not None:
        half_diagonal = math.sqrt(3) / (nodes - 1)
        dense |= raw[:, 0] * truncation > -(SAFETY * half_diagonal + COARSE_DILATION + DENSITY_RAMP)
    cells = pooled(dense.view(every.shape).float())
    if truncation is None:
        cells = F.max_pool3d(cells[None], 3, stride=1, padding=1)[0]
    return cells > 0


def cells_of(positions: Float[Tensor, "r s 3"], cells: Bool[Tensor, "n n n"]) -> Bool[Tensor, "r s"]:
    """Whether the cells that positions in the box lie in are marked."""
    side = len(cells)
    x, y, z = ((positions + 1) * (side / 2)).long().clamp_(0, side - 1).unbind(dim=-1)
    return cells.view(-1)[(x * side + y) * side + z]
