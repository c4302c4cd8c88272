"""`random-300m`: a text model of the published sizes with made-up weights, to measure without a download."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.nn import functional as F

from shapewright.autoencoder import AutoencoderConfig
from shapewright.conditioning import TextFeatures
from shapewright.conditioning.text import checked_prompts
from shapewright.interop.made_up_networks import made_up_autoencoder, made_up_prior
from shapewright.pipeline import Model, ModelConfig
from shapewright.prior import PriorConfig

__all__ = ["RANDOM_300M", "MadeUpText", "random_300m", "random_300m_config"]

RANDOM_300M = "random-300m"
CLIP_WIDTH, CLIP_TOKENS = 768, 77


class MadeUpText:
    """In place of CLIP, whose weights are not needed to measure the rest: the same vector for all texts."""

    width_pooled = width_tokens = CLIP_WIDTH
    max_tokens = CLIP_TOKENS

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        rows = len(checked_prompts(prompts))
        pooled = torch.randn(CLIP_WIDTH, generator=torch.Generator().manual_seed(0))
        return TextFeatures(
            pooled=F.normalize(pooled, dim=0).expand(rows, -1),
            tokens=torch.zeros(rows, CLIP_TOKENS, CLIP_WIDTH),
            mask=torch.ones(rows, CLIP_TOKENS, dtype=torch.bool),
        )


def random_300m_config() -> ModelConfig:
    """The published text model's sizes."""
    return ModelConfig(
        name=RANDOM_300M,
        autoencoder=AutoencoderConfig(),
        prior=PriorConfig(text_pooled_width=CLIP_WIDTH),
        text="clip",
    )


def random_300m(
    *, precision: torch.dtype = torch.float32, with_prior: bool = True, with_encoder: bool = False
) -> Model:
    """The model, or the parts of it that are needed; about 0.3 billion weights each are made up."""
    config = random_300m_config()
    sizes = config.autoencoder if with_encoder else replace(config.autoencoder, encoder=None)
    assert config.prior is not None, "see random_300m_config"
    prior = made_up_prior(config.prior, precision) if with_prior else None
    return Model(config=config, autoencoder=made_up_autoencoder(sizes), prior=prior)
