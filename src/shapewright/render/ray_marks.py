"""Where along rays samples are taken, as marks in [0, 1] that are stretched over what is sampled.

Shapes: B assets, R rays of each, S coarse and F fine samples of a ray.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.nn import draws

__all__ = ["RayMarks", "draw_marks", "strata"]


@dataclass(frozen=True, kw_only=True)
class RayMarks:
    """Marks of the coarse samples (of the range in the box) and of the fine ones (of their distribution)."""

    coarse: Float[Tensor, "b r s"]
    fine: Float[Tensor, "b r f"]


def draw_marks(
    rays: Float[Tensor, "b r 3"], coarse: int, fine: int, generator: torch.Generator | None = None
) -> RayMarks:
    """Stratified marks of both levels: random, or the middles of their strata without a generator."""
    return RayMarks(coarse=strata(coarse, rays, generator), fine=strata(fine, rays, generator))


def strata(
    count: int, rays: Float[Tensor, "*b r 3"], generator: torch.Generator | None
) -> Float[Tensor, "*b r s"]:
    """One mark in each of `count` equal parts of [0, 1], for every ray: random, or the middle."""
    shape = (*rays.shape[:-1], count)
    starts = torch.arange(count, device=rays.device, dtype=rays.dtype)
    if generator is None:
        return ((starts + 0.5) / count).expand(shape)
    jitter = draws.uniform(shape, generator, rays.device).to(rays.dtype)
    return (starts + jitter) / count
