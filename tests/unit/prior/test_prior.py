"""The prior's network: shapes, names, which token sees what."""

import json
from typing import Any

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError
from shapewright.nn.timestep import timestep_embedding
from shapewright.prior import ChannelScaling, Condition, LowResConfig, Prior, PriorConfig

SIZES = {"latent_tokens": 5, "latent_channels": 3, "width": 16, "layers": 2, "heads": 2}
TEXT = PriorConfig(**SIZES, text_pooled_width=6)
TOKENS = PriorConfig(**SIZES, text_token_width=7)
BOTH = PriorConfig(**SIZES, text_pooled_width=6, text_token_width=7)
IMAGE = PriorConfig(**SIZES, image_token_width=8)
NOTHING = PriorConfig(**SIZES)
SCALING = ChannelScaling(scales=(2.0, 0.5), biases=(0.0, -1.0))
UPSAMPLER = PriorConfig(
    **SIZES, image_token_width=8, low_res=LowResConfig(points=6, channels=2, scaling=SCALING)
)
ADDED = PriorConfig(**SIZES, text_pooled_width=6, pooled_as_token=False, time_as_token=False)
HOMEWARE = PriorConfig(
    latent_tokens=32,
    latent_channels=32,
    width=256,
    layers=10,
    heads=8,
    text_pooled_width=384,
    text_token_width=384,
)
PAPER_TEXT = PriorConfig(text_pooled_width=768)
PAPER_IMAGE = PriorConfig(image_token_width=1024, heads=8)


def awake(config: PriorConfig) -> Prior:
    """A prior whose output layer is not the zero it starts from."""
    torch.manual_seed(0)
    prior = Prior(config).eval()
    torch.nn.init.normal_(prior.output_proj.weight)
    # attention that is far from uniform, so that tokens matter
    for block in prior.backbone.resblocks:
        for name, parameter in block.named_parameters():
            if name.endswith("weight") and parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.3)
    return prior


def condition_for(config: PriorConfig, batch: int, tokens: int = 4) -> Condition:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    pooled, token, image = config.text_pooled_width, config.text_token_width, config.image_token_width
    return Condition(
        text_pooled=None if pooled is None else draw(batch, pooled),
        text_tokens=None if token is None else draw(batch, tokens, token),
        text_mask=None if token is None else torch.arange(tokens)[None] < torch.arange(1, batch + 1)[:, None],
        image_tokens=None if image is None else draw(batch, 9, image),
        low_res=None if config.low_res is None else draw(batch, 6, config.low_res.channels),
    )


def noised(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(batch, 5, 3, generator=generator), torch.arange(batch) * 300


@pytest.mark.parametrize("config", [TEXT, TOKENS, BOTH, IMAGE, NOTHING, UPSAMPLER, ADDED])
def test_every_kind_of_condition_is_used(config: PriorConfig) -> None:
    prior, condition = awake(config), condition_for(config, 3)
    with torch.no_grad():
        out = prior(*noised(3), condition)
        without = prior(*noised(3), condition.unconditional())
    assert out.shape == (3, 2, 5, 3)
    changed = (out - without).abs().amax(dim=(1, 2, 3)) > 1e-3
    assert changed.tolist() == [config is not NOTHING] * 3


@pytest.mark.parametrize("config", [TOKENS, BOTH])
def test_padding_is_not_seen(config: PriorConfig) -> None:
    prior, condition = awake(config), condition_for(config, 2)
    assert condition.text_tokens is not None
    assert condition.text_mask is not None
    other = condition.text_tokens.masked_fill(~condition.text_mask[..., None], 100.0)
    changed = Condition(text_pooled=condition.text_pooled, text_tokens=other, text_mask=condition.text_mask)
    with torch.no_grad():
        expected, found = prior(*noised(2), condition), prior(*noised(2), changed)
        trimmed = prior(*noised(2), condition.trimmed())
    assert torch.equal(found, expected)
    # fewer columns: sums in another order
    torch.testing.assert_close(trimmed, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [TEXT, BOTH, IMAGE, UPSAMPLER, ADDED])
def test_a_sample_does_not_see_the_batch(config: PriorConfig) -> None:
    prior, condition = awake(config), condition_for(config, 4)
    x, t = noised(4)
    with torch.no_grad():
        together = prior(x, t, condition)
        alone = prior(x[2:3], t[2:3], condition.select(torch.tensor([2])))
    # products of fewer rows may take other kernels
    torch.testing.assert_close(alone, together[2:3], rtol=1e-4, atol=1e-5)


def test_coarse_points_are_scaled_and_come_after_the_image() -> None:
    prior, condition = awake(UPSAMPLER), condition_for(UPSAMPLER, 2)
    seen: list[torch.Tensor] = []
    prior.ln_pre.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    with torch.no_grad():
        prior(*noised(2), condition)
        assert condition.low_res is not None
        assert prior.cond_point_proj is not None
        expected = prior.cond_point_proj(condition.low_res * torch.tensor([2.0, 0.5]) - torch.tensor([0, 1]))
    assert seen[0].shape[1] == 1 + 9 + 6 + 5
    torch.testing.assert_close(seen[0][:, 10:16], expected)


def test_embeddings_that_are_no_tokens_are_added_to_every_latent_token() -> None:
    prior, condition = awake(ADDED), condition_for(ADDED, 2)
    x, t = noised(2)
    with torch.no_grad():
        assert condition.text_pooled is not None
        assert prior.clip_embed is not None
        assert prior.pos_emb is not None
        added = prior.clip_embed(6**0.5 * condition.text_pooled)
        added = added + prior.time_embed(timestep_embedding(t, ADDED.width))
        h = prior.backbone(prior.ln_pre(prior.input_proj(x) + added[:, None] + prior.pos_emb))
        expected = torch.stack(prior.output_proj(prior.ln_post(h)).chunk(2, dim=-1), dim=1)
        found = prior(x, t, condition)
    # the same sums in another order
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_times_need_not_be_whole() -> None:
    prior, condition = awake(TEXT), condition_for(TEXT, 2)
    x, t = noised(2)
    with torch.no_grad():
        assert torch.equal(prior(x, t.float(), condition), prior(x, t, condition))
        assert not torch.equal(prior(x, t + 0.5, condition), prior(x, t, condition))


def test_small_batches_are_padded_where_a_sample_is_a_single_row() -> None:
    rows: list[int] = []
    prior = awake(BOTH)
    for layer in (prior.time_embed, prior.clip_embed):
        assert layer is not None
        layer.register_forward_hook(lambda _module, inputs, _output: rows.append(len(inputs[0])))
    with torch.no_grad():
        prior(*noised(3), condition_for(BOTH, 3))
    assert rows == [16, 16]


def test_order_matters_only_with_a_positional_embedding() -> None:
    without = PriorConfig(**SIZES, text_pooled_width=6, use_pos_emb=False)
    x, t = noised(2)
    turned = x.roll(1, dims=1)
    for config, equivariant in ((TEXT, False), (without, True)):
        prior, condition = awake(config), condition_for(config, 2)
        if prior.pos_emb is not None:
            torch.nn.init.normal_(prior.pos_emb)
        with torch.no_grad():
            expected = prior(x, t, condition).roll(1, dims=2)
            found = prior(turned, t, condition)
        assert torch.allclose(found, expected, atol=1e-4) == equivariant


def test_a_new_prior_predicts_the_mean() -> None:
    out = Prior(BOTH)(*noised(2), condition_for(BOTH, 2))
    assert torch.equal(out, torch.zeros(2, 2, 5, 3))


def test_gradients_reach_every_parameter() -> None:
    prior, condition = awake(BOTH).train(), condition_for(BOTH, 3)
    prior(*noised(3), condition).square().sum().backward()
    assert [name for name, part in prior.named_parameters() if part.grad is None] == []


def test_without_a_variance_there_is_one_output() -> None:
    config = PriorConfig(**SIZES, text_pooled_width=6, predict_variance=False)
    assert Prior(config)(*noised(2), condition_for(config, 2)).shape == (2, 1, 5, 3)


def test_half_precision_runs_and_stays_close() -> None:
    prior, condition = awake(BOTH), condition_for(BOTH, 3)
    x, t = noised(3)
    with torch.no_grad():
        expected = prior(x, t, condition)
        found = prior.bfloat16()(x.bfloat16(), t, condition).float()
    # eight bits of mantissa, a few layers deep
    assert float((found - expected).norm() / expected.norm()) < 0.05


@pytest.mark.parametrize(
    ("config", "parameters"),
    [(HOMEWARE, 8_655_168), (PAPER_TEXT, 315_692_032), (PAPER_IMAGE, 315_956_224)],
)
def test_published_and_shipped_sizes(config: PriorConfig, parameters: int) -> None:
    with torch.device("meta"):
        prior = Prior(config)
    assert sum(part.numel() for part in prior.parameters()) == parameters


def test_the_missing_condition_is_our_mistake() -> None:
    for config in (TEXT, TOKENS, IMAGE, UPSAMPLER):
        with pytest.raises(AssertionError):
            Prior(config)(*noised(2), Condition())


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 15},
        {"heads": 3},
        {"layers": 0},
        {"latent_tokens": 0},
        {"text_pooled_width": 6, "image_token_width": 8},
    ],
)
def test_bad_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        PriorConfig(**{**SIZES, **settings})


@pytest.mark.parametrize("settings", [{"points": 0}, {"channels": 0}, {"channels": 3, "scaling": SCALING}])
def test_bad_settings_of_coarse_points_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LowResConfig(**settings)


@pytest.mark.parametrize("config", [PAPER_IMAGE, UPSAMPLER, ADDED])
def test_the_config_survives_a_file(config: PriorConfig) -> None:
    assert from_dict(PriorConfig, json.loads(json.dumps(to_dict(config)))) == config
