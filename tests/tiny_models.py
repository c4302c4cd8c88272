"""Models with made-up weights, small enough for tests, whose fields do have a surface."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.conditioning import TextFeatures
from shapewright.conditioning.text import checked_prompts
from shapewright.encoder import ViewBranchConfig
from shapewright.pipeline import Model, ModelConfig, load_model, save_model
from shapewright.prior import LatentStatistics, Prior, SamplerConfig
from shapewright.training.recipes import encoder as encoder_recipes
from shapewright.training.recipes import prior as prior_recipes

WIDTH = 384


class FakeText:
    """A text encoder that knows nothing: features from the words' hashes, one token a word."""

    width_pooled = width_tokens = WIDTH

    def __init__(self, *, max_tokens: int = 16, device: torch.device | str = "cpu") -> None:
        self.max_tokens = max_tokens
        self.device = device

    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        words = [prompt.split()[: self.max_tokens] for prompt in checked_prompts(prompts)]
        tokens = torch.zeros(len(words), self.max_tokens, WIDTH)
        mask = torch.zeros(len(words), self.max_tokens, dtype=torch.bool)
        for row, sentence in enumerate(words):
            for column, word in enumerate(sentence):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
                tokens[row, column] = torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))
                mask[row, column] = True
        pooled = torch.nn.functional.normalize(tokens.sum(dim=1), dim=-1)
        return TextFeatures(pooled=pooled, tokens=tokens, mask=mask)


def random_model(name: str = "random", *, empty: bool = False, with_prior: bool = True) -> Model:
    """The tiny recipe's networks with random weights. `empty`: its fields are outside everywhere."""
    autoencoder_config = encoder_recipes.tiny().model
    prior_config = prior_recipes.tiny().model if with_prior else None
    config = ModelConfig(
        name=name,
        autoencoder=autoencoder_config,
        prior=prior_config,
        text="minilm" if with_prior else None,
        sampler=SamplerConfig(steps=3, guidance=3.0, clip=4.0),
        points=256,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        autoencoder = Autoencoder(autoencoder_config)
        prior = Prior(prior_config) if prior_config else None
        if prior is not None:  # starts at zero, which would make all samples alike
            torch.nn.init.normal_(prior.output_proj.weight, std=0.2)
        output = autoencoder.field.mlp.shared[-1]
        assert isinstance(output, torch.nn.Linear)
        with torch.no_grad():
            output.weight.mul_(3.0)
            output.bias[0] = -100.0 if empty else 0.5
    shape = (autoencoder_config.field.latent_tokens, autoencoder_config.field.latent_channels)
    statistics = LatentStatistics(mean=torch.zeros(shape), std=torch.full(shape, 0.5)) if with_prior else None
    return Model(config=config, autoencoder=autoencoder, prior=prior, statistics=statistics)


def seeing_model(*, views: int = 2, view_size_px: int = 32) -> Model:
    """An encoder of points and views with random weights."""
    base = encoder_recipes.tiny().model
    assert base.encoder is not None
    seeing = replace(base.encoder, views=ViewBranchConfig(octaves=2, patch_px=16))
    sizes = AutoencoderConfig(encoder=seeing, field=base.field)
    config = ModelConfig(name="seeing", autoencoder=sizes, points=200, views=views, view_size_px=view_size_px)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return Model(config=config, autoencoder=Autoencoder(sizes))


def saved(model: Model, folder: Path) -> Model:
    """The model as it comes back from a folder: with the hash of its weights."""
    save_model(folder, model, card="# A random model\n")
    return load_model(folder)
