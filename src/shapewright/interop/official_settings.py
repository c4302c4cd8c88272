"""Our configurations in the published schema: the inverse of `official_config`.

At the published sizes the result is, as YAML, the published file to the last byte (but for the decoder's,
which nothing here depends on).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import BottleneckConfig, EncoderConfig
from shapewright.errors import ModelError
from shapewright.field import FieldConfig
from shapewright.interop.official_config import (
    ENCODER_FIXED,
    FIELD_FIXED,
    RENDERER_FIXED,
    RendererConfig,
    decoder_config,
    prior_config,
    transmitter_config,
)
from shapewright.prior import PriorConfig
from shapewright.render import NerfConfig

__all__ = [
    "PUBLISHED_RENDERER",
    "EncoderInputSizes",
    "decoder_settings",
    "prior_settings",
    "transmitter_settings",
]

PUBLISHED_RENDERER = RendererConfig(nerf=NerfConfig(), resolution=128)
PARAMS_PROJ = {"name": "channels", "init_scale": 1.0, "learned_scale": 0.0625, "use_ln": True}
# The published code's own default, which its configurations leave out.
DEFAULT_IMAGE_SIZE_PX = 256


@dataclass(frozen=True, kw_only=True)
class EncoderInputSizes:
    """What an encoder is given of an asset; the defaults are the published ones."""

    points: int = 16384
    views: int = 20
    view_size_px: int = DEFAULT_IMAGE_SIZE_PX

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> EncoderInputSizes:
        """From a transmitter's settings, checked by `transmitter_config` before."""
        encoder: Mapping[str, Any] = settings["encoder"]
        published = cls()
        points, views = encoder.get("inner_batch_size", (published.points, published.views))
        return cls(points=points, views=views, view_size_px=encoder.get("image_size", published.view_size_px))


def decoder_settings(field: FieldConfig, renderer: RendererConfig = PUBLISHED_RENDERER) -> dict[str, Any]:
    """Of a `ChannelsDecoder`. Raises: ModelError naming what of ours the published code does not have."""
    settings = {
        "name": "ChannelsDecoder",
        "d_latent": field.latent_channels,
        "latent_ctx": field.latent_tokens,
        "params_proj": dict(PARAMS_PROJ),
        "renderer": _renderer(field, renderer),
    }
    _check_same((field, renderer), decoder_config(settings))
    return settings


def transmitter_settings(
    config: AutoencoderConfig,
    renderer: RendererConfig = PUBLISHED_RENDERER,
    sizes: EncoderInputSizes | None = None,
) -> dict[str, Any]:
    """Of a `Transmitter`. Raises: as `decoder_settings`, and without an encoder."""
    encoder = config.encoder
    if encoder is None or encoder.points is None or encoder.views is None:
        raise ModelError("The published encoder sees points and views; this model's lacks one of them.")
    settings = {
        "name": "Transmitter",
        "renderer": _renderer(config.field, renderer),
        "encoder": _encoder(encoder, config.field, sizes or EncoderInputSizes()),
    }
    _check_same((config, renderer), transmitter_config(settings))
    return settings


def prior_settings(config: PriorConfig) -> dict[str, Any]:
    """Of a `SplitVectorDiffusion`. Raises: as `decoder_settings`."""
    inner: dict[str, Any] = {
        "cond_drop_prob": 0.1,
        "heads": config.heads,
        "init_scale": config.init_scale,
        "layers": config.layers,
        "width": config.width,
        "time_token_cond": True,
        "use_pos_emb": config.use_pos_emb,
        "pos_emb_init_scale": config.pos_emb_init_scale,
    }
    if config.image_token_width is None:
        inner |= {"name": "CLIPImagePointDiffusionTransformer", "token_cond": True}
    else:
        inner |= {"name": "CLIPImageGridPointDiffusionTransformer"}
    settings = {
        "name": "SplitVectorDiffusion",
        "d_latent": config.latent_tokens * config.latent_channels,
        "latent_ctx": config.latent_tokens,
        "inner": inner,
    }
    _check_same(config, prior_config(settings))
    return settings


def _renderer(field: FieldConfig, renderer: RendererConfig) -> dict[str, Any]:
    background = renderer.nerf.background
    return {
        **RENDERER_FIXED,
        "n_coarse_samples": renderer.nerf.coarse_samples,
        "n_fine_samples": renderer.nerf.fine_samples,
        "grid_size": renderer.resolution,
        "nerstf": {
            **FIELD_FIXED,
            "d_hidden": field.hidden_width,
            "init_scale": 0.25,
            "initial_density_bias": field.initial_density_bias,
            "insert_direction_at": field.direction_layer,
            "n_hidden_layers": field.hidden_layers,
            "n_meta_layers": field.generated_layers,
            "trainable_meta": False,
        },
        # whole numbers, as published
        "void": {
            "name": "VoidNeRFModel",
            "background": [int(value) if value.is_integer() else value for value in background],
        },
        "volume": {"name": "BoundingBoxVolume", "bbox_min": [-1.0] * 3, "bbox_max": [1.0] * 3},
    }


def _encoder(encoder: EncoderConfig, field: FieldConfig, sizes: EncoderInputSizes) -> dict[str, Any]:
    assert encoder.points is not None
    assert encoder.views is not None
    conv = encoder.points.conv
    settings = {
        **ENCODER_FIXED,
        "d_latent": field.latent_channels,
        "data_ctx": conv.centers,
        "heads": encoder.heads,
        "init_scale": encoder.init_scale,
        "inner_batch_size": [sizes.points, sizes.views],
        "latent_bottleneck": _bottleneck(encoder.bottleneck),
        "layers": encoder.self_layers + 1,
        "max_depth": 9.0,
        "params_proj": dict(PARAMS_PROJ),
        "patch_size": encoder.views.patch_px,
        "pointconv_hidden": list(conv.hidden),
        "pointconv_patch_size": conv.kernel,
        "pointconv_samples": conv.neighbors,
        "pointconv_stride": conv.stride,
        "width": encoder.width,
    }
    if sizes.view_size_px != DEFAULT_IMAGE_SIZE_PX:
        settings["image_size"] = sizes.view_size_px
    return settings


def _bottleneck(config: BottleneckConfig) -> dict[str, Any]:
    diffusion = {
        "schedule": "inv_parabola",
        "schedule_args": {"power": config.noise_power},
        "timesteps": config.timesteps,
    }
    return {
        "name": "clamp_diffusion_noise",
        "diffusion_prob": config.noise_probability,
        "diffusion": diffusion,
    }


def _check_same(ours: Any, read_back: Any) -> None:
    """What was written means what was meant. Raises: ModelError naming the settings that were lost."""
    lost = sorted(_differences(ours, read_back))
    if lost:
        raise ModelError(
            f"This model has no published form: the published code has nothing like its {', '.join(lost)}."
        )


def _differences(ours: Any, other: Any) -> list[str]:
    if isinstance(ours, tuple):
        pairs = zip(ours, other, strict=True)
        return [name for pair in pairs for name in _differences(*pair)]
    assert is_dataclass(ours)
    found: list[str] = []
    for field in fields(ours):
        mine, theirs = getattr(ours, field.name), getattr(other, field.name)
        if is_dataclass(mine) and type(mine) is type(theirs):
            found += [f"{field.name}.{name}" for name in _differences(mine, theirs)]
        elif mine != theirs:
            found.append(f"{field.name} {mine!r}" if isinstance(mine, (int, float)) else field.name)
    return found
