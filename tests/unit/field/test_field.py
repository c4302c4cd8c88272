"""The field against formulas written out by hand, at small sizes."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from shapewright.field import Field, FieldConfig, FieldOutput, MixerConfig
from shapewright.nn.positional_encoding import encode_positions

SMALL = FieldConfig(
    latent_tokens=12,
    latent_channels=5,
    hidden_width=4,
    hidden_layers=4,
    generated_layers=3,
    position_octaves=2,
    direction_octaves=1,
    direction_layer=3,
)
MIXER = MixerConfig(width=8, layers=1, heads=2, channels=6)


def field_of(config: FieldConfig) -> Field:
    """With biases and gains that are not their first zeros and ones."""
    torch.manual_seed(0)
    field = Field(config)
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return field


def latent_of(config: FieldConfig, batch: int = 2) -> Tensor:
    shape = (batch, config.latent_tokens, config.latent_channels)
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def positions(batch: int = 2, count: int = 7) -> Tensor:
    return torch.rand(batch, count, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_one_token_a_row_is_the_papers_formula() -> None:
    field, latent = field_of(SMALL), latent_of(SMALL)
    for layer, (projection, weights) in enumerate(
        zip(field.latent_to_weights.projections, field.weights(latent), strict=True)
    ):
        tokens = latent[:, 4 * layer : 4 * layer + 4]
        h_bvc = torch.einsum("bvd,vcd->bvc", tokens, projection.weight)
        centred = h_bvc - h_bvc.mean(dim=-1, keepdim=True)
        spread = (centred**2).mean(dim=-1, keepdim=True)
        rows = centred / torch.sqrt(spread + 1e-5) * projection.norm.weight + projection.norm.bias
        torch.testing.assert_close(weights, rows + projection.bias, rtol=1e-5, atol=1e-5)


def test_a_token_for_several_rows_supplies_neighbouring_ones() -> None:
    """Which is the same as a latent with every token repeated."""
    config = replace(SMALL, latent_tokens=6)
    field, latent = field_of(config), latent_of(config)
    twin = Field(SMALL)
    twin.load_state_dict(field.state_dict())
    repeated = latent.repeat_interleave(2, dim=1)
    for ours, theirs in zip(field.weights(latent), twin.weights(repeated), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("mixer", [None, MIXER])
def test_only_a_mixer_lets_tokens_see_each_other(mixer: MixerConfig | None) -> None:
    config = replace(SMALL, latent_tokens=6, mixer=mixer)
    field, latent = field_of(config), latent_of(config)
    changed = latent.clone()
    changed[:, 0] *= -1
    pairs = zip(field.weights(latent), field.weights(changed), strict=True)
    rows = torch.cat([(one != other).any(dim=-1) for one, other in pairs], dim=1)
    assert bool(rows[:, :2].all())
    assert bool(rows[:, 2:].any()) == (mixer is not None)


def by_hand(field: Field, weights: list[Tensor], x: Tensor, direction_features: Tensor) -> Tensor:
    h = encode_positions(x, 2)
    for bias, weight in zip(field.mlp.biases, weights, strict=True):
        h = F.silu(torch.einsum("bni,boi->bno", h, weight) + bias)
    first, output = field.mlp.shared
    h = F.silu(F.linear(torch.cat([h, direction_features], dim=-1), first.weight, first.bias))
    return F.linear(h, output.weight, output.bias)


def test_a_query_is_the_mlp_with_generated_and_then_shared_weights() -> None:
    field, x = field_of(SMALL), positions()
    weights = field.weights(latent_of(SMALL))
    directions = F.normalize(positions(), dim=-1)
    seen = by_hand(field, weights, x, encode_positions(directions, 1))
    torch.testing.assert_close(field.query(weights, x, directions).raw, seen, rtol=1e-4, atol=1e-5)
    # no direction is zeros after the encoding, not the encoding of zeros
    unseen = by_hand(field, weights, x, torch.zeros(2, 7, 9))
    torch.testing.assert_close(field.query(weights, x).raw, unseen, rtol=1e-4, atol=1e-5)


def test_density_scale_multiplies_the_densities_alone() -> None:
    plain, dense = field_of(SMALL), field_of(replace(SMALL, density_scale=150.0))
    weights, x = plain.weights(latent_of(SMALL)), positions()
    factor = torch.tensor([1.0, 150, 150, *[1] * 9])
    torch.testing.assert_close(dense.query(weights, x).raw, plain.query(weights, x).raw * factor)
    # it is a setting, not a weight: checkpoints of both load into each other
    assert plain.state_dict().keys() == dense.state_dict().keys()


def test_the_twelve_numbers_and_their_activations() -> None:
    raw = torch.arange(12.0).reshape(1, 1, 12) - 1.5
    output = FieldOutput(raw=raw)
    numbers = raw[0, 0]
    assert output.signed_distance.item() == pytest.approx(torch.tanh(numbers[0]).item())
    assert output.density_coarse.item() == 0  # of -0.5
    assert output.density_fine.item() == 0.5
    for color, first in ((output.stf_color, 3), (output.color_coarse, 6), (output.color_fine, 9)):
        torch.testing.assert_close(color[0, 0], torch.sigmoid(numbers[first : first + 3]))


def test_a_new_field_is_empty_and_of_medium_size() -> None:
    """Signals neither die nor explode on the way through, for a latent as the encoder's are at first."""
    torch.manual_seed(0)
    config = FieldConfig(
        latent_tokens=32,
        latent_channels=16,
        hidden_width=64,
        position_octaves=6,
        direction_octaves=None,
        row_scale=1.2 / 64**0.5,
        initial_signed_distance_bias=-3.0,
    )
    field = Field(config)
    raw = field.query(field.weights(torch.tanh(torch.randn(4, 32, 16))), positions(4, 200)).raw.detach()
    assert float(raw[..., 0].mean()) == pytest.approx(-3, abs=1)
    assert 0.2 < float(raw[..., 3:].std()) < 3
