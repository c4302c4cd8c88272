"""A prior of text and of images: each sample is told one of them."""

from dataclasses import replace

import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.prior import Condition, Prior, PriorConfig, SamplerConfig, sample

SIZES = {"latent_tokens": 5, "latent_channels": 3, "width": 16, "layers": 2, "heads": 2}
BOTH = PriorConfig(**SIZES, text_pooled_width=6, text_token_width=7, image_token_width=8)
GENERATOR = torch.Generator().manual_seed(1)
TEXT = Condition(
    text_pooled=torch.randn(2, 6, generator=GENERATOR),
    text_tokens=torch.randn(2, 4, 7, generator=GENERATOR),
    text_mask=torch.ones(2, 4, dtype=torch.bool),
)
IMAGE = Condition(
    image_tokens=torch.randn(2, 9, 8, generator=GENERATOR), image_mask=torch.ones(2, 9, dtype=torch.bool)
)
LATENTS, TIMES = torch.randn(2, 5, 3, generator=GENERATOR), torch.tensor([3, 700])


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    prior = Prior(BOTH).eval()
    for parameter in prior.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return prior


@torch.no_grad()
def answer(prior: Prior, condition: Condition) -> torch.Tensor:
    return prior(LATENTS, TIMES, condition)


def test_what_is_hidden_might_as_well_not_be_there(prior: Prior) -> None:
    """So training on mixed batches teaches what samplers ask with one kind alone."""
    hidden = torch.zeros(2, 9, dtype=torch.bool)
    mixed = replace(TEXT, image_tokens=IMAGE.image_tokens, image_mask=hidden)
    torch.testing.assert_close(answer(prior, mixed), answer(prior, TEXT), atol=1e-5, rtol=1e-4)
    told = TEXT.drop(torch.ones(2, dtype=torch.bool))
    mixed = replace(told, image_tokens=IMAGE.image_tokens, image_mask=IMAGE.image_mask)
    torch.testing.assert_close(answer(prior, mixed), answer(prior, IMAGE), atol=1e-5, rtol=1e-4)


def test_both_kinds_matter(prior: Prior) -> None:
    assert not torch.allclose(answer(prior, TEXT), answer(prior, TEXT.unconditional()), atol=1e-2)
    assert not torch.allclose(answer(prior, IMAGE), answer(prior, IMAGE.unconditional()), atol=1e-2)
    other = replace(IMAGE, image_tokens=-IMAGE.image_tokens) if IMAGE.image_tokens is not None else IMAGE
    assert not torch.allclose(answer(prior, IMAGE), answer(prior, other), atol=1e-2)


def test_without_its_condition_a_sample_is_the_same_however_it_was_told(prior: Prior) -> None:
    from_text, from_image = (answer(prior, told.unconditional()) for told in (TEXT, IMAGE))
    torch.testing.assert_close(from_text, from_image, atol=1e-5, rtol=1e-4)
    dropped = answer(prior, IMAGE.drop(torch.tensor([True, True])))
    torch.testing.assert_close(dropped, from_image, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("condition", [TEXT, IMAGE], ids=["text", "image"])
def test_it_is_sampled_with_guidance(prior: Prior, condition: Condition) -> None:
    config = SamplerConfig(steps=3, guidance=3.0, clip=4.0)
    latents = sample(prior, condition, seeds=[0, 1], config=config)
    assert latents.shape == (2, 5, 3)
    assert torch.isfinite(latents).all()
    plain = sample(prior, condition, seeds=[0, 1], config=replace(config, guidance=0.0))
    assert not torch.allclose(latents, plain, atol=1e-3)


def test_it_takes_tokens_of_text() -> None:
    with pytest.raises(ConfigError, match="tokens of both"):
        replace(BOTH, text_token_width=None)
