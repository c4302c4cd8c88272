"""What a command will take, from a config alone."""

from dataclasses import replace

import pytest
import torch

from shapewright.apps.cli.estimate import (
    encoding_memory,
    estimate_generation,
    field_weights,
    parameters,
    prior_tokens,
    refinement_seconds,
)
from shapewright.autoencoder import AutoencoderConfig
from shapewright.pipeline import ModelConfig
from shapewright.prior import PriorConfig, SamplerConfig
from tiny_models import random_model

CPU = torch.device("cpu")
TEXT = ModelConfig(
    name="text",
    autoencoder=AutoencoderConfig(encoder=None),
    prior=PriorConfig(text_pooled_width=768),
    text="clip",
)
IMAGE = ModelConfig(
    name="image",
    autoencoder=AutoencoderConfig(encoder=None),
    prior=PriorConfig(image_token_width=1024, heads=8),
    image="clip",
    sampler=SamplerConfig(guidance=3.0),
)


def needs(config: ModelConfig, count: int = 1, resolution: int = 128, **settings: float):
    sampler = config.sampling(**settings)
    return estimate_generation(config, CPU, count=count, sampler=sampler, resolution=resolution)


def test_parameters_are_counted_without_being_made() -> None:
    model = random_model()
    assert model.prior is not None
    assert parameters(model.prior.config) == sum(part.numel() for part in model.prior.parameters())
    assert TEXT.prior is not None
    assert 3.0e8 < parameters(TEXT.prior) < 3.2e8  # published as 300M
    field = model.autoencoder.field
    generated = sum(
        weight[0].numel() for weight in field.weights(torch.zeros(1, *latent_shape(model.config)))
    )
    shared = sum(layer.weight.numel() for layer in field.mlp.linears())
    assert field_weights(field.config) == generated + shared


def latent_shape(config: ModelConfig) -> tuple[int, int]:
    return config.autoencoder.field.latent_tokens, config.autoencoder.field.latent_channels


def test_refinement_costs_by_the_step_and_the_published_field_more() -> None:
    small = random_model(with_prior=False).config
    few, many = (refinement_seconds(small, CPU, steps) for steps in (10, 1000))
    # at least the overhead of a step, whatever speed was measured
    assert many - few > 990 * 0.004
    assert refinement_seconds(TEXT, CPU, 10) > refinement_seconds(small, CPU, 10)


def test_the_published_priors_see_these_many_tokens() -> None:
    assert TEXT.prior is not None
    assert IMAGE.prior is not None
    assert prior_tokens(TEXT.prior, 32) == 1024 + 2
    assert prior_tokens(IMAGE.prior, 32) == 1024 + 1 + 256


@pytest.mark.parametrize("config", [TEXT, IMAGE], ids=["text", "image"])
def test_the_published_models_fit_into_eight_gigabytes(config: ModelConfig) -> None:
    for count in (1, 16, 1000):  # a batch is 16 at most
        assert 2.2e9 < needs(config, count).memory_bytes < 8e9


def test_more_work_takes_longer_and_larger_work_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    # the device would be measured anew each time, and other programs disturb it
    monkeypatch.setattr("shapewright.apps.cli.estimate._operations_per_second", lambda *_: 1e11)
    plain = needs(TEXT)
    assert needs(TEXT, 10).seconds == pytest.approx(10 * plain.seconds)
    assert needs(TEXT, steps=8).seconds < plain.seconds / 6
    assert needs(TEXT, guidance=1.0).seconds < plain.seconds / 1.7
    # 127 evaluations of 300M parameters at 1026 tokens in two branches, 0.08 PFLOP, at 0.04 TFLOP/s
    assert plain.seconds == pytest.approx(127 * 2 * 2 * 3.1e8 * 1026 / 4e10, rel=0.1)
    assert needs(TEXT, 8).memory_bytes > plain.memory_bytes + 2e8
    assert needs(TEXT, resolution=512).memory_bytes > plain.memory_bytes + 2e9


def test_bf16_halves_the_memory_of_a_large_prior_and_no_encoder_is_loaded() -> None:
    sampler = TEXT.sampling()
    common = {"count": 1, "sampler": sampler, "resolution": 128}
    plain = estimate_generation(TEXT, CPU, **common).memory_bytes
    lowered = estimate_generation(TEXT, CPU, **common, precision=torch.bfloat16).memory_bytes
    assert plain - lowered == pytest.approx(2 * 3.02e8, rel=0.01)  # the published blocks' weights
    encodes = replace(TEXT, autoencoder=AutoencoderConfig())
    assert estimate_generation(encodes, CPU, **common).memory_bytes == plain


def test_encoding_needs_the_weights_and_what_the_branches_hold() -> None:
    both = ModelConfig(name="transmitter", autoencoder=AutoencoderConfig())
    decoder = ModelConfig(name="decoder", autoencoder=AutoencoderConfig(encoder=None))
    assert encoding_memory(decoder) + 1.5e9 < encoding_memory(both) < 8e9
