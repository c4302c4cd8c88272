"""Volume rendering for training, in parts: what a full batch of rays keeps for its gradient fits no memory.

A ray of the published sizes has 192 samples, and a sample leaves some 7 KB (bf16) in the network's layers:
4,096 rays of one asset would keep 5 GB. Here only one part's activations exist at a time; the backward pass
computes each part anew.
"""

from dataclasses import fields
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from shapewright.field import Field, FieldWeights
from shapewright.render.nerf import NerfConfig, NerfImage, render_nerf
from shapewright.render.ray_marks import RayMarks

__all__ = ["render_nerf_in_parts"]


def render_nerf_in_parts(
    field: Field,
    weights: FieldWeights,
    origins: Float[Tensor, "b r 3"],
    directions: Float[Tensor, "b r 3"],
    config: NerfConfig,
    marks: RayMarks,
    *,
    rays_at_once: int,
) -> NerfImage:
    """As `render_nerf` at these marks, with the same gradients, `rays_at_once` of the batch's rays at a time.

    A part is a run of rays of every asset, so that the assets' weights are used together.
    """
    assets, rays = origins.shape[:2]
    length = max(1, rays_at_once // assets)
    if rays <= length:
        return render_nerf(field, weights, origins, directions, config, marks=marks)

    def part_of(start: int) -> NerfImage:
        part = slice(start, start + length)
        cut = RayMarks(coarse=marks.coarse[:, part], fine=marks.fine[:, part])
        return render_nerf(field, weights, origins[:, part], directions[:, part], config, marks=cut)

    if not torch.is_grad_enabled():
        return joined([part_of(start) for start in range(0, rays, length)])
    # the marks are given, so nothing is drawn that would have to be drawn alike the second time
    again = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
    return joined([again(part_of, start) for start in range(0, rays, length)])


def joined(parts: list[NerfImage]) -> NerfImage:
    names = [f.name for f in fields(NerfImage) if f.name != "coarse"]
    whole = {name: torch.cat([getattr(part, name) for part in parts], dim=1) for name in names}
    coarse = [part.coarse for part in parts if part.coarse is not None]
    return NerfImage(coarse=joined(coarse) if coarse else None, **whole)
