"""Published Point-E models as ours: configuration and parameters together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.interop.official_config import CLIP_IMAGE_WIDTH, CLIP_TEXT_WIDTH, PRIOR_IGNORED
from shapewright.interop.official_diffusion import diffusion_config, scaling_of
from shapewright.interop.official_names import STORED_BIASES, STORED_SCALES, clip_width, from_official
from shapewright.interop.section import Section
from shapewright.pointe import (
    BASE_SAMPLER,
    UPSAMPLER_SAMPLER,
    PointCloudSdf,
    PointPrior,
    SdfConfig,
    StageConfig,
)
from shapewright.prior import ChannelScaling, LowResConfig, PriorConfig, SamplerConfig

__all__ = [
    "POINT_DIFFUSION",
    "POINT_KINDS",
    "UPSAMPLER_DIFFUSION",
    "load_point_prior",
    "load_sdf",
    "sdf_config",
    "stage_config",
]

VECTOR, GRID = "CLIPImagePointDiffusionTransformer", "CLIPImageGridPointDiffusionTransformer"
NOTHING = "PointDiffusionTransformer"
UPSAMPLERS = ("UpsamplePointDiffusionTransformer", "CLIPImageGridUpsamplePointDiffusionTransformer")
POINT_KINDS = (NOTHING, VECTOR, GRID, *UPSAMPLERS)

POINT_DIFFUSION: Mapping[str, Any] = {
    "channel_biases": [0.0, 0.0, 0.0, -1.0, -1.0, -1.0],
    "channel_scales": [2.0, 2.0, 2.0, 0.007843137255, 0.007843137255, 0.007843137255],
    "mean_type": "epsilon",
    "schedule": "cosine",
    "timesteps": 1024,
}
UPSAMPLER_DIFFUSION: Mapping[str, Any] = {**POINT_DIFFUSION, "schedule": "linear"}


def load_point_prior(
    config: Mapping[str, Any], state: Mapping[str, Tensor], diffusion: Mapping[str, Any] | None = None
) -> PointPrior:
    """A base model or an upsampler, ready for inference; diffusion as published if not given.

    Raises: ConfigError, ModelError naming the settings or parameters that do not fit.
    """
    stage = stage_config(config, diffusion, clip_width=clip_width(state))
    network = PointPrior(with_stored_scaling(stage, state))
    from_official(network, state)
    return network.eval()


def load_sdf(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> PointCloudSdf:
    """A `CrossAttentionPointCloudSDFModel`, ready for inference. Raises: as `load_point_prior`."""
    sdf = PointCloudSdf(sdf_config(config))
    from_official(sdf, state)
    return sdf.eval()


def stage_config(
    config: Mapping[str, Any],
    diffusion: Mapping[str, Any] | None = None,
    *,
    clip_width: int | None = None,
) -> StageConfig:
    """Of any of POINT_KINDS and its diffusion, as published if not given.

    `clip_width`: of the condition's features; ViT-L/14's if not given.
    Raises: ConfigError for keys that are unknown or missing and values that this package does not have.
    """
    section = Section(config, "config")
    kind = section.read("name", str)
    if kind not in POINT_KINDS:
        raise ConfigError(f"'config.name' is '{kind}'; Point-E's networks are {', '.join(POINT_KINDS)}.")
    section.ignore(*PRIOR_IGNORED)
    is_upsampler = kind in UPSAMPLERS
    steps, scaling = diffusion_config(diffusion or (UPSAMPLER_DIFFUSION if is_upsampler else POINT_DIFFUSION))
    channels = section.optional("input_channels", int, 3)
    prior = PriorConfig(
        latent_tokens=section.optional("n_ctx", int, 3072 if is_upsampler else 1024),
        latent_channels=channels,
        width=section.optional("width", int, 512),
        layers=section.optional("layers", int, 12),
        heads=section.optional("heads", int, 8),
        text_pooled_width=(clip_width or CLIP_TEXT_WIDTH) if kind == VECTOR else None,
        image_token_width=(clip_width or CLIP_IMAGE_WIDTH) if "Grid" in kind else None,
        low_res=_low_res(section, channels) if is_upsampler else None,
        pooled_as_token=section.optional("token_cond", bool, False) if kind == VECTOR else True,
        time_as_token=section.optional("time_token_cond", bool, False),
        use_pos_emb=False,
        init_scale=section.optional("init_scale", float, 0.25),
        predict_variance=_predicts_variance(section, channels),
        diffusion=steps,
    )
    section.finish()
    return StageConfig(
        prior=prior, scaling=scaling, sampler=UPSAMPLER_SAMPLER if is_upsampler else _base_sampler(kind)
    )


def sdf_config(config: Mapping[str, Any]) -> SdfConfig:
    """Of a `CrossAttentionPointCloudSDFModel`. Raises: as `stage_config`."""
    section = Section(config, "config")
    section.require({"name": "CrossAttentionPointCloudSDFModel"})
    sdf = SdfConfig(
        points=section.optional("n_ctx", int, 4096),
        width=section.optional("width", int, 512),
        encoder_layers=section.optional("encoder_layers", int, 12),
        encoder_heads=section.optional("encoder_heads", int, 8),
        decoder_layers=section.optional("decoder_layers", int, 4),
        decoder_heads=section.optional("decoder_heads", int, 8),
        init_scale=section.optional("init_scale", float, 0.25),
    )
    section.finish()
    return sdf


def with_stored_scaling(stage: StageConfig, state: Mapping[str, Tensor]) -> StageConfig:
    """An upsampler's scaling of coarse points is stored there; it goes before the configuration's."""
    low_res = stage.prior.low_res
    if low_res is None or not {STORED_SCALES, STORED_BIASES} <= state.keys():
        return stage
    scaling = ChannelScaling(
        scales=tuple(state[STORED_SCALES].tolist()), biases=tuple(state[STORED_BIASES].tolist())
    )
    return replace(stage, prior=replace(stage.prior, low_res=replace(low_res, scaling=scaling)))


def _low_res(section: Section, channels: int) -> LowResConfig:
    given = section.optional("cond_input_channels", int, None)
    return LowResConfig(
        points=section.optional("cond_ctx", int, 1024),
        channels=channels if given is None else given,
        scaling=scaling_of(section),
    )


def _predicts_variance(section: Section, channels: int) -> bool:
    outputs = section.optional("output_channels", int, 3)
    if outputs not in (channels, 2 * channels):
        raise ConfigError(
            f"'config.output_channels' is {outputs}; it should be {2 * channels}, a prediction and a "
            f"variance for each of {channels} channels, or {channels} without the variance."
        )
    return outputs == 2 * channels


def _base_sampler(kind: str) -> SamplerConfig:
    # without a condition both branches of guidance are the same
    return replace(BASE_SAMPLER, guidance=1.0) if kind == NOTHING else BASE_SAMPLER
