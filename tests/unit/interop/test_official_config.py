import copy
import json
from pathlib import Path
from typing import Any

import pytest

from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
from shapewright.interop.official_config import decoder_config, prior_config, transmitter_config

GOLDEN = Path(__file__).parents[2] / "parity" / "golden"


def golden_config(name: str) -> dict[str, Any]:
    return copy.deepcopy(json.loads((GOLDEN / f"{name}.json").read_text())["config"])


def test_a_decoder() -> None:
    field, renderer = decoder_config(golden_config("decoder_small"))
    assert field == FieldConfig(latent_tokens=128, latent_channels=24, hidden_width=32)
    assert (renderer.nerf.coarse_samples, renderer.nerf.fine_samples, renderer.resolution) == (16, 32, 32)


def test_the_published_sizes_are_our_defaults() -> None:
    config = golden_config("decoder_small") | {"d_latent": 1024, "latent_ctx": 1024}
    config["renderer"]["nerstf"]["d_hidden"] = 256
    assert decoder_config(config)[0] == FieldConfig()


def test_a_transmitter() -> None:
    config, _ = transmitter_config(golden_config("transmitter_patchconv_small"))
    assert config.field.latent_tokens == 64
    assert config.encoder.self_layers == 2
    assert config.encoder.points is not None
    assert (config.encoder.points.conv.kernel, config.encoder.points.conv.stride) == (8, 4)
    assert config.encoder.bottleneck.noise_power == 5.0


def test_priors() -> None:
    text, image = (
        prior_config(golden_config("prior_text_small")),
        prior_config(golden_config("prior_image_small")),
    )
    assert (text.text_pooled_width, text.image_token_width) == (768, None)
    assert (image.text_pooled_width, image.image_token_width) == (None, 1024)
    assert (text.latent_tokens, text.latent_channels, text.width, text.layers, text.heads) == (
        24,
        16,
        64,
        3,
        4,
    )


def test_unknown_settings_are_listed_with_their_places() -> None:
    config = golden_config("decoder_small")
    config["colour"] = 1
    config["renderer"]["nerstf"]["twist"] = True
    with pytest.raises(ConfigError, match=r"config\.colour, config\.renderer\.nerstf\.twist"):
        decoder_config(config)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("activation", "relu", r"config\.renderer\.nerstf\.activation' is 'relu'.*only implements 'swish'"),
        ("d_hidden", "wide", r"'config\.renderer\.nerstf\.d_hidden' should be of type int, not 'wide'"),
        ("d_hidden", True, "of type int, not True"),
    ],
)
def test_values_that_do_not_fit(key: str, value: object, message: str) -> None:
    config = golden_config("decoder_small")
    config["renderer"]["nerstf"][key] = value
    with pytest.raises(ConfigError, match=message):
        decoder_config(config)


def test_a_missing_setting_is_named() -> None:
    config = golden_config("decoder_small")
    del config["latent_ctx"]
    with pytest.raises(ConfigError, match=r"config\.latent_ctx' is missing"):
        decoder_config(config)


def test_another_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="ChannelsDecoder"):
        decoder_config(golden_config("prior_text_small"))
    config = golden_config("prior_text_small")
    config["inner"]["name"] = "SomethingElse"
    with pytest.raises(ConfigError, match="not a prior"):
        prior_config(config)


def test_the_diffusion_of_a_prior_is_read() -> None:
    given = {"schedule": "inv_parabola", "schedule_args": {"power": 3.0}, "timesteps": 64}
    diffusion = prior_config(golden_config("prior_text_small"), given).diffusion
    assert (diffusion.schedule.name, diffusion.schedule.power, diffusion.schedule.timesteps) == (
        "inv_parabola",
        3.0,
        64,
    )
    assert diffusion.prediction == "eps"  # what the published code takes where nothing is said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "sine"}, "'sine'; known are exp"),
        ({"mean_type": "x_prev"}, "'x_prev'; known are x_start"),
        ({"respacing": "ddim50"}, "only implements None"),
        ({"timesteps": 12.5}, "of type int"),
        ({"beta": 1}, r"diffusion\.beta"),
        ({"channel_scales": [2.0] * 16}, "only does that to Point-E"),
    ],
)
def test_a_diffusion_that_does_not_fit(change: dict[str, Any], message: str) -> None:
    diffusion = {"schedule": "exp", "timesteps": 1024, "mean_type": "x_start"} | change
    with pytest.raises(ConfigError, match=message):
        prior_config(golden_config("prior_text_small"), diffusion)


def test_what_is_not_said_is_as_in_the_published_code() -> None:
    config = golden_config("prior_text_small")
    for key in ("token_cond", "time_token_cond", "use_pos_emb", "pos_emb_init_scale", "init_scale"):
        del config["inner"][key]
    prior = prior_config(config)
    assert (prior.pooled_as_token, prior.time_as_token, prior.use_pos_emb) == (False, False, False)
    assert prior.init_scale == 0.25
