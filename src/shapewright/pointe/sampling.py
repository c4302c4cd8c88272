"""Point clouds drawn in two stages: a coarse one, and the points that are added to it.

Shapes: B samples, K points, C channels (x, y, z, red, green, blue).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion import SampleNoise
from shapewright.diffusion.samplers import StepCallback
from shapewright.errors import ModelError
from shapewright.geometry.point_cloud import PointCloud
from shapewright.pointe.point_prior import PointPrior
from shapewright.prior import Condition, SamplerConfig, sample_from

__all__ = ["draw_points", "draw_stage", "points_to_clouds"]


def draw_points(
    base: PointPrior,
    upsampler: PointPrior | None,
    condition: Condition,
    *,
    seeds: Sequence[int],
    upsampler_condition: Condition | None = None,
    base_sampler: SamplerConfig | None = None,
    upsampler_sampler: SamplerConfig | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b k c"]:
    """One cloud per seed: the base's points, then the upsampler's; samplers are the stages' own if not given.

    Positions in about [-0.5, 0.5], colours in about 0..255. All noise of a cloud comes from its own seed:
    it is the same in every batch, as in `prior.sample`. Progress counts the steps of both stages.
    Source: Point-E, section 4.3.
    """
    noise = SampleNoise(seeds)
    first = base_sampler or base.stage.sampler
    if upsampler is None:
        return draw_stage(base, condition, noise=noise, sampler=first, on_step=on_step)
    second = upsampler_sampler or upsampler.stage.sampler
    total = first.steps + second.steps
    coarse = draw_stage(base, condition, noise=noise, sampler=first, on_step=_counted_from(on_step, 0, total))
    given = replace(upsampler_condition or Condition(), low_res=coarse)
    fine = draw_stage(
        upsampler, given, noise=noise, sampler=second, on_step=_counted_from(on_step, first.steps, total)
    )
    return torch.cat([coarse, fine], dim=1)


def draw_stage(
    network: PointPrior,
    condition: Condition,
    *,
    noise: SampleNoise,
    sampler: SamplerConfig,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b k c"]:
    """The points of one stage, their scaling undone; `noise` gives the start and what churn asks for."""
    device = next(network.parameters()).device
    start = noise((network.config.latent_tokens, network.config.latent_channels), device)
    scaled = sample_from(network, condition, start, config=sampler, noise=noise, on_step=on_step)
    return network.restore(scaled)


def points_to_clouds(points: Float[Tensor, "b k 6"]) -> list[PointCloud]:
    """Drawn points as clouds: colours as sRGB in [0, 1], cut off where they lie outside.

    Raises: ModelError if they are not finite, as those of a model with damaged weights.
    """
    if not bool(torch.isfinite(points).all()):
        raise ModelError(
            "The model drew points that are not finite numbers: its weights are damaged; "
            "download or convert it again."
        )
    rows = points.detach().float().cpu().numpy()
    colors = np.clip(rows[..., 3:] / np.float32(255.0), 0.0, 1.0)
    return [
        PointCloud(positions=cloud[:, :3].copy(), colors=color)
        for cloud, color in zip(rows, colors, strict=True)
    ]


def _counted_from(on_step: StepCallback | None, before: int, total: int) -> StepCallback | None:
    """Steps of one stage as steps of both."""
    if on_step is None:
        return None
    return lambda done, _: on_step(before + done, total)
