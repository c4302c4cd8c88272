"""The rivals of point_e_against_shap_e.py: one transformer over latents, the same one over points.

Both learn the same draws of the same assets in the same order, told the same, with the same optimiser.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from shapewright.dataset.loader import AssetRecord
from shapewright.diffusion import DiffusionConfig, ScheduleConfig
from shapewright.errors import DatasetError
from shapewright.pointe import POINT_SCALING, PointPrior, StageConfig
from shapewright.prior import ChannelScaling, LatentStatistics, Prior, PriorConfig
from shapewright.training.conditions import Conditions
from shapewright.training.latents import LatentSet
from shapewright.training.loop import LoopConfig, Objective
from shapewright.training.objectives.denoising import Denoising, DenoisingConfig
from shapewright.training.objectives.point_denoising import PointDenoising, PointDenoisingConfig
from shapewright.training.point_draws import PointDraws
from shapewright.training.variation import Variation, VariedAsset, varied

__all__ = [
    "Contest",
    "PointForm",
    "SharedDraws",
    "flops_of_example",
    "latent_objective",
    "measured_scaling",
    "point_objective",
    "shared_draws",
]

# Points of an asset that clouds are drawn from, evenly spread.
CLOUD = 1536
COSINE = ScheduleConfig(name="cosine")


@dataclass(frozen=True, kw_only=True)
class PointForm:
    """How points are put to the network: what was tuned for the baseline. Defaults: what was found best.

    `own_scales`: channels with mean 0 and standard deviation 1 instead of Point-E's scales.
    """

    prediction: Literal["eps", "x0"] = "x0"
    variance: bool = False
    own_scales: bool = False
    optimizer: Literal["adamw", "muon"] = "muon"
    learning_rate: float = 1.5e-3


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What both have in common; `told` is the width of what they are told: of a caption's vector, or of the
    tokens of a picture."""

    told: int
    kind: Literal["text", "image"] = "text"
    width: int = 128
    layers: int = 6
    heads: int = 4
    points: int = 256
    batch_size: int = 16
    warmup_steps: int = 50
    ema_decay: float = 0.99

    def network(self, **settings: Any) -> PriorConfig:
        part = "text_pooled_width" if self.kind == "text" else "image_token_width"
        sizes = {"width": self.width, "layers": self.layers, "heads": self.heads, part: self.told}
        return PriorConfig(**sizes, **settings)

    def loop(self, steps: int, form: PointForm) -> LoopConfig:
        return LoopConfig(
            steps=steps,
            batch_size=self.batch_size,
            learning_rate=form.learning_rate,
            optimizer=form.optimizer,
            warmup_steps=min(self.warmup_steps, steps // 4),
            ema_decay=self.ema_decay,
        )


@dataclass(frozen=True, kw_only=True)
class SharedDraws(PointDraws):
    """The clouds of exactly the draws that a set of latents is of."""

    latents: LatentSet

    def __len__(self) -> int:
        return len(self.latents)

    def record(self, entry: int) -> AssetRecord:
        return self.by_name[self.latents.assets[entry]]

    def varied(self, entry: int) -> VariedAsset:
        return varied(self.record(entry), slice(0, 1), self.points, self.changes[entry])

    @cached_property
    def by_name(self) -> dict[str, AssetRecord]:
        return {record.id: record for record in self.records}

    @property
    def changes(self) -> list[Variation]:
        """Of every latent."""
        assert self.latents.variations is not None, "checked before"
        return self.latents.variations


def shared_draws(latents: LatentSet, records: list[AssetRecord], points: int = CLOUD) -> SharedDraws:
    """Clouds of so many points. Raises: DatasetError for latents that do not say how their assets were
    varied, or assets with fewer points."""
    if latents.variations is None:
        raise DatasetError("The latents do not say how their assets were varied: make them anew.")
    fewest = min(len(record.points) for record in records)
    if fewest < points:
        raise DatasetError(f"An asset has {fewest} points; clouds take {points}: build the data with more.")
    return SharedDraws(records=records, points=points, latents=latents)


def latent_objective(
    contest: Contest, latents: LatentSet, statistics: LatentStatistics, conditions: Conditions
) -> Denoising:
    """Shap-E's: x_0 of standardised latents, no variance, as the recipe `homeware` has it."""
    tokens, channels = latents.shape
    config = contest.network(
        latent_tokens=tokens,
        latent_channels=channels,
        predict_variance=False,
        diffusion=DiffusionConfig(schedule=COSINE),
    )
    torch.manual_seed(0)
    size = contest.batch_size
    return Denoising(Prior(config), latents, statistics, conditions, DenoisingConfig(), batch_size=size)


def point_objective(
    contest: Contest, draws: PointDraws, conditions: Conditions, form: PointForm
) -> PointDenoising:
    """Point-E's base in this form, on a random part of each cloud."""
    config = contest.network(
        latent_tokens=contest.points,
        latent_channels=6,
        use_pos_emb=False,
        predict_variance=form.variance,
        diffusion=DiffusionConfig(schedule=COSINE, prediction=form.prediction),
    )
    scaling = measured_scaling(draws) if form.own_scales else POINT_SCALING
    torch.manual_seed(0)
    return PointDenoising(
        PointPrior(StageConfig(prior=config, scaling=scaling)),
        draws,
        conditions,
        PointDenoisingConfig(cloud=draws.points),
        batch_size=contest.batch_size,
    )


def measured_scaling(draws: PointDraws, clouds: int = 256) -> ChannelScaling:
    """With which the channels of some clouds have mean 0 and standard deviation 1."""
    chosen = np.linspace(0, len(draws) - 1, min(clouds, len(draws))).astype(int)
    points = np.concatenate([draws.cloud(int(entry)) for entry in chosen]).astype(np.float64)
    scales = 1 / points.std(axis=0)
    biases = -points.mean(axis=0) * scales
    return ChannelScaling(scales=tuple(scales.tolist()), biases=tuple(biases.tolist()))


def flops_of_example(objective: Objective, batch_size: int) -> float:
    """Floating-point operations of matrix products, forward and backward, for one example of a step."""
    generator = torch.Generator().manual_seed(0)
    with FlopCounterMode(display=False) as counter:
        objective.losses(objective.model, objective.batch(0), generator)["loss"].backward()
    objective.model.zero_grad(set_to_none=True)
    return counter.get_total_flops() / batch_size
