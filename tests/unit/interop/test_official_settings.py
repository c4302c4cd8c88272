"""Our configurations in the published schema."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import EncoderConfig
from shapewright.errors import ModelError
from shapewright.field import FieldConfig, MixerConfig
from shapewright.interop.official_config import decoder_config, prior_config, transmitter_config
from shapewright.interop.official_files import PUBLISHED_SETTINGS
from shapewright.interop.official_settings import (
    EncoderInputSizes,
    decoder_settings,
    prior_settings,
    transmitter_settings,
)
from shapewright.prior import PriorConfig
from shapewright.training.recipes import encoder as encoder_recipes

GOLDEN = Path(__file__).parents[2] / "parity" / "golden"

# sha256 of NAME_config.yaml beside the published checkpoints, as the published code checks them
PUBLISHED_YAML = {
    "transmitter": "ffe1bcb405104a37d9408391182ab118a4ef313c391e07689684f1f62071605e",
    "text_cond": "f290beeea3d3e9ff15db01bde5382b6e549e463060c0744f89c049505be246c1",
    "image_cond": "4e0745605a533c543c72add803a78d233e2a6401e0abfa0cad58afb4d74ad0b0",
}


def golden_config(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text())["config"]


@pytest.mark.parametrize("name", PUBLISHED_YAML)
def test_what_is_assumed_of_the_published_files_is_theirs_to_the_last_byte(name: str) -> None:
    text = yaml.safe_dump(PUBLISHED_SETTINGS[name](), default_flow_style=False)
    assert hashlib.sha256(text.encode()).hexdigest() == PUBLISHED_YAML[name]


@pytest.mark.parametrize("name", ["transmitter_small", "transmitter_patchconv_small"])
def test_transmitters_come_back_key_by_key(name: str) -> None:
    golden = golden_config(name)
    sizes = EncoderInputSizes.read(golden)
    assert sizes == EncoderInputSizes(points=256, views=3, view_size_px=32)
    assert transmitter_settings(*transmitter_config(golden), sizes) == golden


def test_a_decoder_and_priors_come_back_key_by_key() -> None:
    golden = golden_config("decoder_small")
    assert decoder_settings(*decoder_config(golden)) == golden
    for name in ("prior_text_small", "prior_image_small"):
        assert prior_settings(prior_config(golden_config(name))) == golden_config(name)


def test_a_coloured_background_is_kept() -> None:
    field, renderer = decoder_config(golden_config("decoder_small"))
    renderer = replace(renderer, nerf=replace(renderer.nerf, background=(0.2, 0.4, 1.0)))
    assert decoder_settings(field, renderer)["renderer"]["void"]["background"] == [0.2, 0.4, 1]


def test_what_only_we_have_is_named() -> None:
    mixer = MixerConfig(width=8, layers=1, heads=2, channels=4)
    field = FieldConfig(latent_tokens=1024, density_scale=150.0, mixer=mixer)
    with pytest.raises(ModelError, match=r"nothing like its density_scale 150\.0, mixer"):
        decoder_settings(field)
    with pytest.raises(ModelError, match=r"nothing like its encoder\.rounds 2"):
        transmitter_settings(AutoencoderConfig(encoder=EncoderConfig(rounds=2)))
    with pytest.raises(ModelError, match="predict_variance"):
        prior_settings(PriorConfig(text_pooled_width=768, predict_variance=False))


@pytest.mark.parametrize("config", [AutoencoderConfig(encoder=None), encoder_recipes.tiny().model])
def test_an_encoder_that_does_not_see_both_has_no_published_form(config: AutoencoderConfig) -> None:
    with pytest.raises(ModelError, match="sees points and views"):
        transmitter_settings(config)
