"""The field's sizes: the published ones, and what cannot be built."""

import pytest

from shapewright.errors import ConfigError
from shapewright.field import FieldConfig, MixerConfig


def test_the_published_sizes() -> None:
    config = FieldConfig()
    assert config.rows == config.latent_tokens == 1024
    # 15 octaves of a position; 8 of a direction join the fifth layer
    assert config.input_widths == [93, 256, 256, 256, 256 + 51, 256, 256]
    assert config.generated_shapes == [(256, 93), (256, 256), (256, 256), (256, 256)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"generated_layers": 0}, "generated_layers must be in 1..6, got 0"),
        ({"generated_layers": 7}, "generated_layers must be in 1..6, got 7"),
        ({"latent_tokens": 1000}, "1000 latent tokens do not divide the 1024"),
        ({"latent_tokens": 0}, "0 latent tokens"),
        ({"latent_tokens": 2}, "rows of two layers"),
        ({"direction_layer": 3}, "directions must enter"),
    ],
)
def test_sizes_that_do_not_fit(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FieldConfig(**settings)


def test_a_mixer_has_whole_heads() -> None:
    with pytest.raises(ConfigError, match="width 10 is not a multiple of its 4 heads"):
        MixerConfig(width=10, layers=1, heads=4, channels=8)
