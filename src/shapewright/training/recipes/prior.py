"""Recipes for the text prior."""

from dataclasses import dataclass, field

from shapewright.diffusion import DiffusionConfig
from shapewright.diffusion.schedules import ScheduleConfig
from shapewright.prior.config import PriorConfig
from shapewright.training.loop import LoopConfig
from shapewright.training.objectives.denoising import DenoisingConfig
from shapewright.training.variation import Augmentation

__all__ = ["PRIOR_RECIPES", "PriorRecipe", "homeware", "paper", "tiny"]

MINILM_WIDTH = 384
CLIP_WIDTH = 768


@dataclass(frozen=True, kw_only=True)
class PriorRecipe:
    """All that defines a prior run but its data and the autoencoder.

    `draws` variations of every asset are encoded, varied by `augmentation`.
    """

    model: PriorConfig
    objective: DenoisingConfig = field(default_factory=DenoisingConfig)
    loop: LoopConfig
    draws: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)


def tiny() -> PriorRecipe:
    """Seconds on one core: for tests and first looks. Fits the tiny autoencoder."""
    return PriorRecipe(
        model=minilm_prior(tokens=8, channels=8, width=64, layers=2, heads=2),
        loop=LoopConfig(steps=150, batch_size=16, learning_rate=1e-3, warmup_steps=10, ema_decay=0.98),
    )


def homeware() -> PriorRecipe:
    """The shipped model's prior."""
    return PriorRecipe(
        model=minilm_prior(tokens=32, channels=32, width=256, layers=10, heads=8),
        objective=DenoisingConfig(caption_sharing=0.5),
        loop=LoopConfig(
            steps=4500,
            batch_size=64,
            learning_rate=1.5e-3,
            optimizer="muon",
            warmup_steps=200,
            ema_decay=0.999,
        ),
        draws=12,
        augmentation=Augmentation(recolor=0.65, scale=0.3, stretch=0.08),
    )


def paper() -> PriorRecipe:
    """The published text prior; batch, rate and steps are not published and are our choice."""
    return PriorRecipe(
        model=PriorConfig(text_pooled_width=CLIP_WIDTH),
        loop=LoopConfig(steps=600_000, batch_size=64, learning_rate=1e-4, ema_decay=0.9999),
    )


def minilm_prior(*, tokens: int, channels: int, width: int, layers: int, heads: int) -> PriorConfig:
    """A prior told the sentence as one token and as a sequence of tokens."""
    return PriorConfig(
        latent_tokens=tokens,
        latent_channels=channels,
        width=width,
        layers=layers,
        heads=heads,
        text_pooled_width=MINILM_WIDTH,
        text_token_width=MINILM_WIDTH,
        # docs/decisions/0003: standardised latents of a small model need little noise told apart finely
        predict_variance=False,
        diffusion=DiffusionConfig(schedule=ScheduleConfig(name="cosine")),
    )


PRIOR_RECIPES = {"tiny": tiny, "homeware": homeware, "paper": paper}
