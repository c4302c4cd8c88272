from dataclasses import replace

import pytest
import torch

from shapewright.field import Field, FieldConfig, FieldWeights

CONFIG = FieldConfig(
    latent_tokens=16, latent_channels=4, hidden_width=16, hidden_layers=5, generated_layers=2,
    position_octaves=6, direction_octaves=2, direction_layer=3, density_scale=3.0, row_scale=0.3,
)  # fmt: skip


def field_of(config: FieldConfig = CONFIG, seed: int = 0) -> tuple[Field, FieldWeights]:
    torch.manual_seed(seed)
    field = Field(config)
    with torch.no_grad():
        return field, field.weights(torch.randn(1, config.latent_tokens, config.latent_channels))


# fp32 rounding of sums in another order; the arguments of the sines reach 2^14 at 15 octaves
@pytest.mark.parametrize(("octaves", "tolerance"), [(6, 1e-5), (15, 1e-4)])
@pytest.mark.parametrize("directions", [None, 2])
def test_in_fp32_it_answers_as_the_field_does(octaves: int, tolerance: float, directions: int | None) -> None:
    field, weights = field_of(replace(CONFIG, position_octaves=octaves, direction_octaves=directions))
    positions = torch.rand(5000, 3) * 2 - 1
    expected = field.query(weights, positions[None]).raw[0]
    found = field.prepared(weights, torch.float32).at(positions)
    torch.testing.assert_close(found, expected.detach(), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("outputs", [slice(None), slice(0, 1), slice(3, 6)])
def test_nodes_are_places(outputs: slice) -> None:
    field, weights = field_of()
    prepared = field.prepared(weights, torch.float32)
    coordinates = torch.linspace(-1, 1, 9)
    nodes = torch.randint(9, (3000, 3))
    found = prepared.at_nodes(prepared.tables(coordinates), nodes, outputs)
    expected = field.query(weights, coordinates[nodes][None]).raw[0, :, outputs]
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-5)


def test_half_precision_is_near() -> None:
    field, weights = field_of()
    positions = torch.rand(2000, 3) * 2 - 1
    expected = field.query(weights, positions[None]).raw[0].detach()
    found = field.prepared(weights, torch.bfloat16).at(positions)
    assert found.dtype == torch.float32
    error = (found - expected).abs().max() / expected.std()
    # 8 bits in each of four layers: measured 0.02; not zero, or half precision was not used
    assert 0 < error < 0.1


def test_no_points() -> None:
    field, weights = field_of()
    assert field.prepared(weights).at(torch.zeros(0, 3), slice(3, 6)).shape == (0, 3)
