"""The prior's objective: recover a latent from its noised self, knowing its text."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.conditioning import TextConditioner, TextFeatures
from shapewright.diffusion.losses import denoising_loss
from shapewright.errors import ConfigError
from shapewright.nn import draws
from shapewright.nn.draws import WHOLE, Share
from shapewright.prior.condition import Condition
from shapewright.prior.prior import Prior
from shapewright.prior.statistics import LatentStatistics
from shapewright.training.batches import draw_indices
from shapewright.training.latents import LatentSet

__all__ = ["CaptionFeatures", "Denoising", "DenoisingConfig", "LatentBatch"]

ENCODE_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class DenoisingConfig:
    """`condition_drop`: how often a sample is learnt without its text. `clip` bounds standardised latents.

    `caption_sharing` s: of its captions, a sample is told one with a probability in proportion to n^s, n
    the number of samples that have this caption. 0: all alike. Above: the words that people use for many
    things ("a tree") come up more often than those for one ("a Japanese maple").
    """

    condition_drop: float = 0.1
    clip: float = 4.0
    caption_sharing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.condition_drop < 1:
            raise ConfigError(f"condition_drop must be in 0..1, got {self.condition_drop}")
        if not 0 <= self.caption_sharing <= 4:
            raise ConfigError(f"caption_sharing must be in 0..4, got {self.caption_sharing}")


class CaptionFeatures:
    """Features of every distinct caption, computed once and kept in half precision."""

    def __init__(self, captions: list[str], conditioner: TextConditioner) -> None:
        self.index = {text: i for i, text in enumerate(dict.fromkeys(captions))}
        texts = list(self.index)
        parts = [conditioner.encode(texts[i : i + ENCODE_BATCH]) for i in range(0, len(texts), ENCODE_BATCH)]
        self.pooled = torch.cat([p.pooled for p in parts]).half()
        self.tokens = torch.cat([p.tokens for p in parts]).half()
        self.mask = torch.cat([p.mask for p in parts])

    def condition(self, texts: list[str]) -> Condition:
        """The condition of these captions, cut to the longest of them."""
        rows = torch.tensor([self.index[text] for text in texts])
        features = TextFeatures(
            pooled=self.pooled[rows].float(), tokens=self.tokens[rows].float(), mask=self.mask[rows]
        )
        return Condition.from_text(features).trimmed()


@dataclass(frozen=True, kw_only=True)
class LatentBatch:
    """Standardised latents and what is said of them."""

    names: list[str]
    latents: Float[Tensor, "b t c"]
    condition: Condition


class Denoising:
    """Trains a text prior on latents held in memory."""

    def __init__(
        self,
        model: Prior,
        latents: LatentSet,
        statistics: LatentStatistics,
        features: CaptionFeatures,
        config: DenoisingConfig,
        *,
        batch_size: int,
        seed: int = 0,
    ) -> None:
        self.model, self.set, self.features, self.config = model, latents, features, config
        self.standardised = statistics.standardise(latents.latents)
        self.batch_size, self.seed = batch_size, seed
        self.bounds = caption_bounds(latents.captions, config.caption_sharing)

    def batch(self, step: int) -> LatentBatch:
        return self.batch_share(step, WHOLE)

    def batch_share(self, step: int, share: Share) -> LatentBatch:
        places = share.of(self.batch_size)
        chosen = draw_indices(len(self.set.assets), self.batch_size, step, self.seed)[places]
        marks = np.random.default_rng((self.seed, step)).random(self.batch_size)[places]
        told = [int(np.searchsorted(self.bounds[i], mark)) for i, mark in zip(chosen, marks, strict=True)]
        texts = [self.set.captions[i][k] for i, k in zip(chosen, told, strict=True)]
        return LatentBatch(
            names=[self.set.assets[i] for i in chosen],
            latents=self.standardised[torch.from_numpy(chosen)],
            condition=self.features.condition(texts),
        )

    def losses(self, model: nn.Module, batch: LatentBatch, generator: torch.Generator) -> dict[str, Tensor]:
        x0, diffusion = batch.latents.to(generator.device), self.model.diffusion
        t = draws.integers(diffusion.timesteps, (len(x0),), generator, x0.device)
        noise = draws.normal(x0.shape, generator, x0.device)
        dropped = draws.uniform((len(x0),), generator, x0.device) < self.config.condition_drop
        condition = batch.condition.to(x0.device).drop(dropped)
        output = model(diffusion.noised(x0, t, noise), t, condition)
        variance = output[:, 1] if output.shape[1] > 1 else None
        result = denoising_loss(diffusion, output[:, 0], variance, x0=x0, t=t, noise=noise)
        losses = {"loss": result.total.mean(), "squared_error": result.squared_error.mean()}
        return {**losses, **errors_by_noise(result.squared_error, t, diffusion.timesteps)}

    def asset_names(self, batch: LatentBatch) -> list[str]:
        return batch.names


def caption_bounds(captions: list[list[str]], sharing: float) -> list[np.ndarray]:
    """Per sample (captions,), rising to 1: caption k is drawn by a number in bounds[k-1]..bounds[k]."""
    counts = Counter(text for texts in captions for text in set(texts))
    weights = [np.array([counts[text] for text in texts], dtype=np.float64) ** sharing for texts in captions]
    bounds = [np.cumsum(weight) / weight.sum() for weight in weights]
    for bound in bounds:
        bound[-1] = 1.0  # rounding must leave no number without a caption
    return bounds


def errors_by_noise(error: Float[Tensor, " b"], t: Tensor, timesteps: int) -> dict[str, Tensor]:
    """Mean squared error at little, middle and much noise: where a prior has still to learn."""
    third = (t * 3) // timesteps
    names = ("squared_error_low_noise", "squared_error_middle_noise", "squared_error_high_noise")
    return {
        name: error.detach()[third == i].mean() for i, name in enumerate(names) if bool((third == i).any())
    }
