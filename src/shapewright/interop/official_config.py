"""The published models' configurations as ours.

Every key is accounted for: read, required to have the one value that this implementation has, or named here
as without effect on the numbers (sizes of its loops, initial values). Any other key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import BottleneckConfig, EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
from shapewright.interop.official_diffusion import EXP_X0, diffusion_config
from shapewright.interop.section import Section
from shapewright.nn.point_conv import PointConvConfig
from shapewright.prior import PriorConfig
from shapewright.render import NerfConfig

__all__ = ["RendererConfig", "decoder_config", "prior_config", "transmitter_config"]

# CLIP ViT-L/14: its projected text embedding, and the width of its vision transformer
CLIP_TEXT_WIDTH = 768
CLIP_IMAGE_WIDTH = 1024

RENDERER_FIXED = {"name": "NeRSTFRenderer", "separate_shared_samples": True}
FIELD_FIXED = {
    "name": "MLPNeRSTFModel",
    "activation": "swish",
    "density_activation": "relu",
    "meta_bias": False,
    "meta_parameters": True,
    "posenc_version": "nerf",
    "separate_coarse_channels": True,
    "separate_nerf_channels": True,
}
FIELD_IGNORED = ("init_scale", "trainable_meta")
ENCODER_FIXED = {
    "name": "PointCloudPerceiverChannelsEncoder",
    "cross_attention_dataset": "pcl_and_multiview_pcl",
    "fps_method": "first",
    "input_channels": 6,
    "max_unrolls": 1,
    "min_unrolls": 1,
    "pointconv_padding_mode": "circular",
    "pos_emb": "nerf",
    "use_depth": True,
    "use_pointconv": True,
}
ENCODER_IGNORED = ("image_size", "inner_batch_size", "max_depth")
PRIOR_IGNORED = ("cache_dir", "cond_drop_prob", "frozen_clip")


@dataclass(frozen=True, kw_only=True)
class RendererConfig:
    """What a published model says about rendering: samples along rays, points along a grid's side."""

    nerf: NerfConfig
    resolution: int


def decoder_config(config: Mapping[str, Any]) -> tuple[FieldConfig, RendererConfig]:
    """Of a `ChannelsDecoder` (latent to field and its rendering).

    Raises: ConfigError for keys that are unknown or missing and values that this package does not have.
    """
    section = Section(config, "config")
    section.require({"name": "ChannelsDecoder"})
    field, renderer = _renderer(section.section("renderer"))
    _check_projection(section.section("params_proj"))
    field = replace(
        field, latent_tokens=section.read("latent_ctx", int), latent_channels=section.read("d_latent", int)
    )
    section.finish()
    return field, renderer


def transmitter_config(config: Mapping[str, Any]) -> tuple[AutoencoderConfig, RendererConfig]:
    """Of a `Transmitter` (encoder and renderer). Raises: as `decoder_config`."""
    section = Section(config, "config")
    section.require({"name": "Transmitter"})
    field, renderer = _renderer(section.section("renderer"))
    encoder_section = section.section("encoder")
    _check_projection(encoder_section.section("params_proj"))
    field = replace(field, latent_channels=encoder_section.read("d_latent", int))
    encoder = _encoder(encoder_section)
    section.finish()
    return AutoencoderConfig(encoder=encoder, field=field), renderer


def prior_config(
    config: Mapping[str, Any],
    diffusion: Mapping[str, Any] = EXP_X0,
    *,
    clip_width: int | None = None,
) -> PriorConfig:
    """Of a `SplitVectorDiffusion`, conditioned by a text's vector or an image's grid, and its diffusion.

    `clip_width`: of the condition's features; ViT-L/14's if not given. Raises: as above.
    """
    section = Section(config, "config")
    section.require({"name": "SplitVectorDiffusion"})
    tokens, numbers = section.read("latent_ctx", int), section.read("d_latent", int)
    if numbers % tokens:
        raise ConfigError(
            f"'config.d_latent' is {numbers}, not a multiple of the {tokens} tokens in latent_ctx."
        )
    inner = section.section("inner")
    inner.ignore(*PRIOR_IGNORED)
    kind, as_token = inner.read("name", str), True
    if kind == "CLIPImagePointDiffusionTransformer":
        as_token = inner.optional("token_cond", bool, False)
        text, image = clip_width or CLIP_TEXT_WIDTH, None
    elif kind == "CLIPImageGridPointDiffusionTransformer":
        text, image = None, clip_width or CLIP_IMAGE_WIDTH
    else:
        raise ConfigError(f"'config.inner.name' is '{kind}': not a prior that this package knows.")
    steps, scaling = diffusion_config(diffusion)
    if scaling is not None:
        raise ConfigError("The diffusion scales channels; this package only does that to Point-E's points.")
    prior = PriorConfig(
        latent_tokens=tokens,
        latent_channels=numbers // tokens,
        width=inner.read("width", int),
        layers=inner.read("layers", int),
        heads=inner.read("heads", int),
        text_pooled_width=text,
        image_token_width=image,
        pooled_as_token=as_token,
        time_as_token=inner.optional("time_token_cond", bool, False),
        use_pos_emb=inner.optional("use_pos_emb", bool, False),
        pos_emb_init_scale=inner.optional("pos_emb_init_scale", float, 1.0),
        init_scale=inner.optional("init_scale", float, 0.25),
        diffusion=steps,
    )
    section.finish()
    return prior


def _renderer(section: Section) -> tuple[FieldConfig, RendererConfig]:
    """The field has one latent token per generated row, as all published models."""
    section.require(RENDERER_FIXED)
    volume = section.section("volume")
    volume.require({"name": "BoundingBoxVolume", "bbox_min": [-1.0] * 3, "bbox_max": [1.0] * 3})
    void = section.section("void")
    void.require({"name": "VoidNeRFModel"})
    red, green, blue = (float(value) for value in void.read("background", list))
    nerf = NerfConfig(
        coarse_samples=section.read("n_coarse_samples", int),
        fine_samples=section.read("n_fine_samples", int),
        background=(red, green, blue),
    )
    mlp = section.section("nerstf")
    mlp.require(FIELD_FIXED)
    mlp.ignore(*FIELD_IGNORED)
    width, generated = mlp.read("d_hidden", int), mlp.read("n_meta_layers", int)
    field = FieldConfig(
        latent_tokens=width * generated,
        hidden_width=width,
        hidden_layers=mlp.read("n_hidden_layers", int),
        generated_layers=generated,
        direction_layer=mlp.read("insert_direction_at", int),
        initial_density_bias=mlp.read("initial_density_bias", float),
    )
    return field, RendererConfig(nerf=nerf, resolution=section.read("grid_size", int))


def _encoder(section: Section) -> EncoderConfig:
    section.require(ENCODER_FIXED)
    section.ignore(*ENCODER_IGNORED)
    conv = PointConvConfig(
        centers=section.read("data_ctx", int),
        neighbors=section.read("pointconv_samples", int),
        hidden=tuple(int(width) for width in section.read("pointconv_hidden", list)),
        kernel=section.read("pointconv_patch_size", int),
        stride=section.read("pointconv_stride", int),
    )
    return EncoderConfig(
        width=section.read("width", int),
        heads=section.read("heads", int),
        self_layers=section.read("layers", int)
        - 1,  # the first layer is the cross-attention to each data set
        init_scale=section.read("init_scale", float),
        points=PointBranchConfig(conv=conv),
        views=ViewBranchConfig(patch_px=section.read("patch_size", int)),
        bottleneck=_bottleneck(section.section("latent_bottleneck")),
    )


def _bottleneck(section: Section) -> BottleneckConfig:
    section.require({"name": "clamp_diffusion_noise"})
    diffusion = section.section("diffusion")
    diffusion.require({"schedule": "inv_parabola"})
    return BottleneckConfig(
        noise_probability=section.read("diffusion_prob", float),
        noise_power=diffusion.section("schedule_args").read("power", float),
        timesteps=diffusion.read("timesteps", int),
    )


def _check_projection(section: Section) -> None:
    section.require({"name": "channels", "use_ln": True})
    section.ignore("init_scale", "learned_scale")
