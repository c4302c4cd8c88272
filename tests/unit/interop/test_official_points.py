"""The eight published Point-E configurations."""

from typing import Any

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.interop.official_names import to_official
from shapewright.interop.official_points import load_point_prior, load_sdf, sdf_config, stage_config
from shapewright.pointe import (
    PUBLISHED_SDF,
    PUBLISHED_STAGES,
    PointCloudSdf,
    PointPrior,
    StageConfig,
)

VECTOR, GRID = "CLIPImagePointDiffusionTransformer", "CLIPImageGridPointDiffusionTransformer"
BASE: dict[str, Any] = {
    "cond_drop_prob": 0.1,
    "heads": 8,
    "init_scale": 0.25,
    "input_channels": 6,
    "layers": 12,
    "n_ctx": 1024,
    "name": GRID,
    "output_channels": 12,
    "time_token_cond": True,
    "width": 512,
}
UPSAMPLE: dict[str, Any] = BASE | {
    "name": "CLIPImageGridUpsamplePointDiffusionTransformer",
    "channel_biases": [0.0, 0.0, 0.0, -1.0, -1.0, -1.0],
    "channel_scales": [2.0, 2.0, 2.0, 0.007843137255, 0.007843137255, 0.007843137255],
    "cond_ctx": 1024,
    "n_ctx": 3072,
}
STAGES: dict[str, dict[str, Any]] = {
    "base40M-imagevec": BASE | {"name": VECTOR, "token_cond": True},
    "base40M-textvec": BASE | {"name": VECTOR, "token_cond": True},
    "base40M-uncond": {key: BASE[key] for key in BASE if key != "cond_drop_prob"}
    | {"name": "PointDiffusionTransformer"},
    "base40M": BASE,
    "base300M": BASE | {"heads": 16, "layers": 24, "width": 1024},
    "base1B": BASE | {"heads": 32, "layers": 24, "width": 2048},
    "upsample": UPSAMPLE,
}
SDF: dict[str, Any] = {
    "decoder_heads": 4,
    "decoder_layers": 4,
    "encoder_heads": 4,
    "encoder_layers": 8,
    "init_scale": 0.25,
    "n_ctx": 4096,
    "name": "CrossAttentionPointCloudSDFModel",
    "width": 256,
}
# Counted by hand: 12 w^2 + 13 w for each block of width w, the rest for the embeddings.
PARAMETERS = {
    "base40M-imagevec": 40_333_836,
    "base40M-textvec": 40_333_836,
    "base40M-uncond": 39_940_108,
    "base40M": 40_466_956,
    "base300M": 311_778_316,
    "base1B": 1_244_311_564,
    "upsample": 40_470_540,
}
SDF_PARAMETERS = 9_481_985


@pytest.mark.parametrize("name", list(STAGES))
def test_published_stages_are_read(name: str) -> None:
    stage = stage_config(STAGES[name])
    assert stage == PUBLISHED_STAGES[name]
    assert from_dict(StageConfig, to_dict(stage)) == stage
    with torch.device("meta"):
        network = PointPrior(stage)
    assert sum(part.numel() for part in network.parameters()) == PARAMETERS[name]


def test_the_published_sdf_model_is_read() -> None:
    assert sdf_config(SDF) == PUBLISHED_SDF
    with torch.device("meta"):
        sdf = PointCloudSdf(PUBLISHED_SDF)
    assert sum(part.numel() for part in sdf.parameters()) == SDF_PARAMETERS


def test_the_published_table_is_complete() -> None:
    assert PUBLISHED_STAGES.keys() == STAGES.keys()


SMALL = BASE | {"width": 16, "heads": 2, "layers": 1, "n_ctx": 4}
SMALL_STAGES: list[dict[str, Any]] = [
    SMALL,
    SMALL | {"name": VECTOR, "token_cond": True},
    SMALL | {"name": VECTOR},
    SMALL | {"name": "PointDiffusionTransformer", "time_token_cond": False},
    UPSAMPLE | {"width": 16, "heads": 2, "layers": 1, "n_ctx": 4, "cond_ctx": 2},
    SMALL | {"name": "UpsamplePointDiffusionTransformer", "cond_input_channels": 3, "output_channels": 6},
]


@pytest.mark.parametrize("config", SMALL_STAGES)
def test_there_and_back_again(config: dict[str, Any]) -> None:
    state = to_official(PointPrior(stage_config(config)))
    assert not any(name.startswith("wrapped.") for name in state)
    again = to_official(load_point_prior(config, state))
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_the_width_of_the_condition_is_that_of_the_parameters() -> None:
    config = SMALL | {"name": VECTOR, "token_cond": True}
    state = to_official(PointPrior(stage_config(config, clip_width=512)))
    assert load_point_prior(config, state).config.text_pooled_width == 512


def test_the_diffusion_is_read() -> None:
    stage = stage_config(SMALL, {"schedule": "linear", "timesteps": 100, "mean_type": "x_start"})
    assert stage.scaling is None
    assert (stage.prior.diffusion.schedule.name, stage.prior.diffusion.prediction) == ("linear", "x0")
    biased = stage_config(SMALL, {"schedule": "cosine", "timesteps": 8, "channel_biases": [1] * 6}).scaling
    assert biased is not None
    assert (biased.scales, biased.biases) == ((1.0,) * 6, (1.0,) * 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "PointNet"}, "'PointNet'; Point-E's networks are"),
        ({"twist": 1, "turn": 2}, r"config\.turn, config\.twist"),
        ({"output_channels": 7}, "it should be 12"),
        ({"width": "wide"}, "of type int"),
        ({"token_cond": True}, r"config\.token_cond"),
    ],
)
def test_settings_that_do_not_fit_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stage_config(SMALL | change)


def test_parameters_that_do_not_fit_are_named() -> None:
    config = SDF | {"width": 16, "encoder_layers": 1, "decoder_layers": 1}
    state = to_official(PointCloudSdf(sdf_config(config)))
    assert load_sdf(config, state).config.width == 16
    del state["decoder.resblocks.0.ln_3.bias"]
    with pytest.raises(ModelError, match=r"missing: decoder\.resblocks\.0\.ln_3\.bias"):
        load_sdf(config, state)
    with pytest.raises(ConfigError, match="CrossAttentionPointCloudSDFModel"):
        sdf_config(SMALL)
