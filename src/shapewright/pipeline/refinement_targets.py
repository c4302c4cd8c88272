"""What a refined latent's field should answer: signed distance and colour at points, light along rays.

Made of a 3D file as the data build makes them (so open and badly oriented meshes become solid where they look
solid, and thin sheets get a thickness), or of a data set's record.
Shapes: B assets, Q queries, R rays.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.dataset.field_targets import SOLID_THICKNESS, field_targets
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.points import visible_surface
from shapewright.dataset.views import Views, render_views
from shapewright.field import FieldConfig
from shapewright.geometry.cameras import random_views
from shapewright.geometry.light import shade
from shapewright.pipeline.asset_input import SourceMesh
from shapewright.render.nerf import intersect_box

__all__ = [
    "RayTargets",
    "RefinementTargets",
    "stacked",
    "targets_of_mesh",
    "targets_of_record",
]

# 8,192 already do as well as 49,152 (unseen homeware, 150 steps of 512).
QUERIES = 16384
RAYS = 16384
VIEWS, VIEW_SIZE_PX = 12, 128


@dataclass(frozen=True, kw_only=True)
class RayTargets:
    """Rays through the box in random order, and what they see: sRGB on black, and the light that passes."""

    origins: Float[Tensor, "b r 3"]
    directions: Float[Tensor, "b r 3"]
    color: Float[Tensor, "b r 3"]
    transmittance: Float[Tensor, "b r"]


@dataclass(frozen=True, kw_only=True)
class RefinementTargets:
    """Queries in random order and their answers; colours are sRGB in [0, 1], `lit` under the views' light.

    Signed distance is positive inside, thickness of thin parts included. Latents can be judged without
    `rays`.
    """

    queries: Float[Tensor, "b q 3"]
    signed_distance: Float[Tensor, "b q"]
    colors: Float[Tensor, "b q 3"]
    lit: Float[Tensor, "b q 3"]
    rays: RayTargets | None = None

    def to(self, device: torch.device) -> Self:
        moved = {name: tensor.to(device) for name, tensor in tensors_of(self).items()}
        rays = self.rays
        if rays is not None:
            rays = RayTargets(**{name: tensor.to(device) for name, tensor in tensors_of(rays).items()})
        return type(self)(**moved, rays=rays)


def stacked(parts: Sequence[RefinementTargets]) -> RefinementTargets:
    """Several assets as one batch; all have equally many queries, and all or none have rays."""
    rays = [part.rays for part in parts if part.rays is not None]
    assert len(rays) in (0, len(parts)), "all or none"
    joined = RayTargets(**joined_tensors(rays)) if rays else None
    return RefinementTargets(**joined_tensors(parts), rays=joined)


def tensors_of(targets: RefinementTargets | RayTargets) -> dict[str, Tensor]:
    values = {f.name: getattr(targets, f.name) for f in fields(targets)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def joined_tensors(parts: Sequence[RefinementTargets] | Sequence[RayTargets]) -> dict[str, Tensor]:
    every = [tensors_of(part) for part in parts]
    return {name: torch.cat([tensors[name] for tensors in every]) for name in every[0]}


def targets_of_mesh(source: SourceMesh, config: FieldConfig, *, queries: int = QUERIES) -> RefinementTargets:
    """Targets of one asset for such a field, a batch of one. The same mesh always gives the same ones."""
    rng = np.random.default_rng(1)  # another draw than the encoder's points
    surface = visible_surface(source.mesh, source.raycaster, queries, rng)
    found = field_targets(source.mesh, surface, source.raycaster, queries, rng)
    views = render_views(source.mesh, source.raycaster, random_views(rng, VIEWS, size_px=VIEW_SIZE_PX))
    distance = found.signed_distance + further_out(config)
    return targets_of_arrays(found.queries, distance, found.colors, found.normals, views)


def targets_of_record(
    record: AssetRecord, config: FieldConfig, *, unseen: Collection[int] = (), with_rays: bool = True
) -> RefinementTargets:
    """Targets of a data set's asset, a batch of one. Of its views those numbered in `unseen` are not used,
    unless there are no others."""
    views = record.views() if with_rays else None
    return targets_of_arrays(
        record.queries,
        record.signed_distance + further_out(config),
        record.query_colors,
        record.query_normals,
        None if views is None else without(views, unseen),
    )


def without(views: Views, unseen: Collection[int]) -> Views:
    seen = [index for index in range(len(views.cameras)) if index not in unseen]
    return views.chosen(seen) if seen else views


def further_out(config: FieldConfig) -> float:
    """How much further out than in the data build such a field holds surfaces: its latents must agree."""
    return max(0.0, config.surface_offset - SOLID_THICKNESS)


def targets_of_arrays(
    queries: np.ndarray, distance: np.ndarray, colors: np.ndarray, normals: np.ndarray, views: Views | None
) -> RefinementTargets:
    """Arrays as data sets hold them: colours as bytes, normals as 127 times the unit ones."""
    rgb = colors.astype(np.float32) / 255
    lit = shade(rgb, normals.astype(np.float32) / 127)
    return RefinementTargets(
        queries=batch_of_one(queries),
        signed_distance=batch_of_one(distance),
        colors=batch_of_one(rgb),
        lit=batch_of_one(lit),
        rays=None if views is None else rays_of_views(views),
    )


def rays_of_views(views: Views, count: int = RAYS) -> RayTargets:
    """Random pixels of all views whose rays meet the box; none twice before all were there."""
    rays = [camera.rays() for camera in views.cameras]
    origins = np.concatenate([origin.reshape(-1, 3) for origin, _ in rays])
    directions = np.concatenate([direction.reshape(-1, 3) for _, direction in rays])
    reach = intersect_box(batch_of_one(origins), batch_of_one(directions))
    through = np.flatnonzero((reach.far > reach.near)[0].numpy())
    chosen = np.resize(np.random.default_rng(2).permutation(through), count)
    rgba = views.images.reshape(-1, 4)[chosen].astype(np.float32) / 255
    return RayTargets(
        origins=batch_of_one(origins[chosen]),
        directions=batch_of_one(directions[chosen]),
        color=batch_of_one(rgba[:, :3] * rgba[:, 3:]),
        transmittance=batch_of_one(1 - rgba[:, 3]),
    )


def batch_of_one(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None]
