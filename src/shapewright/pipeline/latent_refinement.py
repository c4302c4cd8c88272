"""Latents improved one asset at a time: gradient steps on its own targets, the decoder as it is.

An encoder answers at once, and for objects unlike those it learnt from its answer is far from the best latent
that there is. A few seconds of Adam find a better one. Not in the paper.
Shapes: B assets, T latent tokens, D latent channels.
"""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldConfig
from shapewright.pipeline.asset import Asset
from shapewright.pipeline.draws import Progress
from shapewright.pipeline.refinement_losses import iou_of, losses_of, measured_unit
from shapewright.pipeline.refinement_targets import RayTargets, RefinementTargets

__all__ = [
    "REFINE_STEPS",
    "Fit",
    "RefinedLatents",
    "RefinementConfig",
    "refine_asset",
    "refine_latents",
    "steps_of_encoding",
]

REFINE_STEPS = 200
# What encoding a file takes anyway where it is cheap: two to three seconds, for most of the gain.
SHORT_STEPS = 60
HELD_BACK = 8  # of so many queries the last
LAST_RATE = 0.02  # as a share of the first


@dataclass(frozen=True, kw_only=True)
class RefinementConfig:
    """Steps of Adam with a rate that falls along a cosine, and what each step looks at.

    `step_size` is the first rate for a token of one channel; Adam moves all channels alike and what a token
    says is their sum, so the rate is step_size / sqrt(channels). `pull` weighs the mean square distance
    to the latent at the start: 0.05 costs next to no accuracy, and the latent moves a fifth less far.
    Of the targets every eighth query is held back, to tell how good the latents are.
    """

    steps: int = REFINE_STEPS
    step_size: float = 1.2
    pull: float = 0.05
    queries: int = 1024
    rays: int = 64

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"A latent is refined in at least 1 step, not {self.steps}; 200 are usual.")
        if min(self.queries, self.rays) < 1 or self.step_size <= 0 or self.pull < 0:
            raise ConfigError(
                "queries and rays must be at least 1, step_size positive and pull not negative; got "
                f"{self.queries}, {self.rays}, {self.step_size} and {self.pull}."
            )


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How well latents answer the queries held back: what is minimised, and inside against said inside."""

    loss: Float[Tensor, " b"]
    iou: Float[Tensor, " b"]


@dataclass(frozen=True, kw_only=True)
class RefinedLatents:
    """Latents in [-1, 1], and their fit before and after."""

    latents: Float[Tensor, "b t d"]
    before: Fit
    after: Fit


def steps_of_encoding(config: FieldConfig) -> int:
    """Of refinement when a file is encoded and nothing else is said; see docs/decisions/0006-refinement.md.

    None for fields of the published kind, which take minutes on a CPU.
    """
    return SHORT_STEPS if config.taught_at_points else 0


def refine_asset(
    asset: Asset,
    field: Field,
    targets: RefinementTargets,
    config: RefinementConfig,
    progress: Progress | None = None,
) -> Asset:
    """The asset with a refined latent, and a note of it in `origin.settings`. targets: a batch of one."""
    device = next(field.parameters()).device
    found = refine_latents(field, asset.latent[None].to(device), targets.to(device), config, progress)
    told = {
        "refine_steps": config.steps,
        "iou_before": round(found.before.iou.item(), 4),
        "iou_after": round(found.after.iou.item(), 4),
    }
    return Asset(found.latents[0], field, replace(asset.origin, settings=asset.origin.settings | told))


def refine_latents(
    field: Field,
    start: Float[Tensor, "b t d"],
    targets: RefinementTargets,
    config: RefinementConfig,
    progress: Progress | None = None,
) -> RefinedLatents:
    """Latents near `start` whose fields are nearer to the targets; the field's own weights do not change.

    An asset's result does not depend on what else is in the batch, and nothing is random. progress(done,
    total) is called after every step. Source: Shap-E's losses; the rest is ours, measured on unseen
    homeware.
    """
    taught, held = split(targets)
    with torch.no_grad():
        unit = measured_unit(field, field.weights(start), held)
    before = fit_of(field, start, held, unit)
    latents = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([latents], betas=(0.9, 0.99))
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, config) / start.shape[-1] ** 0.5
        batch = window(taught, step, config)
        with torch.enable_grad():
            losses = losses_of(field, field.weights(latents), batch, unit)
            losses = losses + config.pull * (latents - start).square().mean(dim=(1, 2))
            # with respect to the latents alone; summed, so that each asset's gradient is its own
            (latents.grad,) = torch.autograd.grad(losses.sum(), latents)
        optimizer.step()
        with torch.no_grad():
            latents.clamp_(-1, 1)  # what the encoder makes comes out of a tanh
        if progress is not None:
            progress(step + 1, config.steps)
    found = latents.detach()
    return RefinedLatents(latents=found, before=before, after=fit_of(field, found, held, unit))


def rate_at(step: int, config: RefinementConfig) -> float:
    """From the first rate along half a cosine to next to none."""
    fall = 0.5 + 0.5 * math.cos(math.pi * step / config.steps)
    return config.step_size * max(fall, LAST_RATE)


def split(targets: RefinementTargets) -> tuple[RefinementTargets, RefinementTargets]:
    """(to learn from, to judge by). Rays are only learnt from."""
    count = targets.queries.shape[1]
    is_held = torch.arange(count) % HELD_BACK == HELD_BACK - 1
    assert is_held.any(), "too few queries to hold one back"
    taught, held = (at_queries(targets, index) for index in (~is_held, is_held))
    return taught, replace(held, rays=None)


def window(targets: RefinementTargets, step: int, config: RefinementConfig) -> RefinementTargets:
    """The step's queries and rays: the next ones, round and round; they are in random order."""
    part = at_queries(targets, following(targets.queries.shape[1], config.queries, step))
    rays = targets.rays
    if rays is None:
        return part
    index = following(rays.origins.shape[1], config.rays, step)
    return replace(
        part,
        rays=RayTargets(
            origins=rays.origins[:, index],
            directions=rays.directions[:, index],
            color=rays.color[:, index],
            transmittance=rays.transmittance[:, index],
        ),
    )


def following(available: int, wanted: int, step: int) -> Tensor:
    """Indices of the step's run of `wanted` out of `available`, from the start again at the end."""
    return torch.arange(step * wanted, (step + 1) * wanted) % available


def at_queries(targets: RefinementTargets, index: Tensor) -> RefinementTargets:
    return replace(
        targets,
        queries=targets.queries[:, index],
        signed_distance=targets.signed_distance[:, index],
        colors=targets.colors[:, index],
        lit=targets.lit[:, index],
    )


@torch.no_grad()
def fit_of(
    field: Field, latents: Float[Tensor, "b t d"], targets: RefinementTargets, unit: Float[Tensor, " b"]
) -> Fit:
    weights = field.weights(latents)
    return Fit(loss=losses_of(field, weights, targets, unit), iou=iou_of(field, weights, targets))
