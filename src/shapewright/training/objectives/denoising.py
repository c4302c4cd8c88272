"""The prior's objective: recover a latent from its noised self, knowing a text or a view of it."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.diffusion.discrete import DiscreteDiffusion
from shapewright.diffusion.losses import denoising_loss
from shapewright.errors import ConfigError
from shapewright.nn import draws
from shapewright.nn.draws import WHOLE, Share
from shapewright.prior.condition import Condition
from shapewright.prior.prior import Prior
from shapewright.prior.statistics import LatentStatistics
from shapewright.training.batches import draw_indices
from shapewright.training.conditions import CaptionConditions, CaptionFeatures, Conditions, ToldConfig
from shapewright.training.latents import LatentSet

__all__ = ["Denoising", "DenoisingConfig", "LatentBatch", "denoising_losses"]


@dataclass(frozen=True, kw_only=True)
class DenoisingConfig(ToldConfig):
    """`standardise`: latents are learnt with mean 0 and standard deviation 1, bounded by `clip` in size;
    otherwise as they are, in [-1, 1], as the published priors learnt them.
    """

    standardise: bool = True
    clip: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")


@dataclass(frozen=True, kw_only=True)
class LatentBatch:
    """Latents as the prior sees them, and what is told of them."""

    names: list[str]
    latents: Float[Tensor, "b t c"]
    condition: Condition


class Denoising:
    """Trains a prior on a set of latents. Without `statistics` they are taken as they are.

    conditions: of the same set; features of all its captions do, of which each latent is then told its own.
    """

    def __init__(
        self,
        model: Prior,
        latents: LatentSet,
        statistics: LatentStatistics | None,
        conditions: Conditions | CaptionFeatures,
        config: DenoisingConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        self.model, self.set, self.statistics = model, latents, statistics
        if isinstance(conditions, CaptionFeatures):
            conditions = CaptionConditions(latents.captions, conditions, sharing=config.caption_sharing)
        self.conditions, self.config = conditions, config
        self.batch_size, self.seed = batch_size, seed

    def batch(self, step: int) -> LatentBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> LatentBatch:
        places = share.of(self.batch_size)
        chosen = draw_indices(len(self.set), self.batch_size, step, self.seed)[places]
        marks = np.random.default_rng((self.seed, step)).random(self.batch_size)[places]
        latents = self.set.rows(chosen)
        return LatentBatch(
            names=[self.set.assets[i] for i in chosen],
            latents=latents if self.statistics is None else self.statistics.standardise(latents),
            condition=self.conditions.draw(chosen, marks),
        )

    def losses(self, model: nn.Module, batch: LatentBatch, generator: torch.Generator) -> dict[str, Tensor]:
        diffusion, drop = self.model.diffusion, self.config.condition_drop
        return denoising_losses(model, diffusion, batch.latents, batch.condition, drop, generator)

    def asset_names(self, batch: LatentBatch) -> list[str]:
        return batch.names


def denoising_losses(
    model: nn.Module,
    diffusion: DiscreteDiffusion,
    x0: Float[Tensor, "b t c"],
    condition: Condition,
    condition_drop: float,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """One noise level and one noise for each sample, some of them without their condition; named losses."""
    x0 = x0.to(generator.device)
    t = draws.integers(diffusion.timesteps, (len(x0),), generator, x0.device)
    noise = draws.normal(x0.shape, generator, x0.device)
    dropped = draws.uniform((len(x0),), generator, x0.device) < condition_drop
    told = condition.to(x0.device).drop(dropped)
    output = model(diffusion.noised(x0, t, noise), t, told)
    variance = output[:, 1] if output.shape[1] > 1 else None
    result = denoising_loss(diffusion, output[:, 0], variance, x0=x0, t=t, noise=noise)
    losses = {"loss": result.total.mean(), "squared_error": result.squared_error.mean()}
    if result.bound_bits is not None:
        losses["bound_bits"] = result.bound_bits.mean()
    return {**losses, **errors_by_noise(result.squared_error, t, diffusion.timesteps)}


def errors_by_noise(error: Float[Tensor, " b"], t: Tensor, timesteps: int) -> dict[str, Tensor]:
    """Mean squared error at little, middle and much noise: where a prior has still to learn."""
    third = (t * 3) // timesteps
    names = ("squared_error_low_noise", "squared_error_middle_noise", "squared_error_high_noise")
    return {
        name: error.detach()[third == i].mean() for i, name in enumerate(names) if bool((third == i).any())
    }
