"""The published models' configurations as ours.

Every key is accounted for: read, required to have the one value that this implementation has, or named here
as without effect on the numbers (sizes of its loops, initial values). Any other key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from shapewright.autoencoder import AutoencoderConfig
from shapewright.encoder import BottleneckConfig, EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.errors import ConfigError
from shapewright.field import FieldConfig
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
PRIOR_IGNORED = ("cond_drop_prob",)


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


def prior_config(config: Mapping[str, Any]) -> PriorConfig:
    """Of a `SplitVectorDiffusion`, conditioned by a text's vector or an image's grid. Raises: as above."""
    section = Section(config, "config")
    section.require({"name": "SplitVectorDiffusion"})
    tokens, numbers = section.read("latent_ctx", int), section.read("d_latent", int)
    if numbers % tokens:
        raise ConfigError(
            f"'config.d_latent' is {numbers}, not a multiple of the {tokens} tokens in latent_ctx."
        )
    inner = section.section("inner")
    inner.require({"time_token_cond": True})
    inner.ignore(*PRIOR_IGNORED)
    kind = inner.read("name", str)
    if kind == "CLIPImagePointDiffusionTransformer":
        inner.require({"token_cond": True})
        text, image = CLIP_TEXT_WIDTH, None
    elif kind == "CLIPImageGridPointDiffusionTransformer":
        text, image = None, CLIP_IMAGE_WIDTH
    else:
        raise ConfigError(f"'config.inner.name' is '{kind}': not a prior that this package knows.")
    prior = PriorConfig(
        latent_tokens=tokens,
        latent_channels=numbers // tokens,
        width=inner.read("width", int),
        layers=inner.read("layers", int),
        heads=inner.read("heads", int),
        text_pooled_width=text,
        image_token_width=image,
        use_pos_emb=inner.read("use_pos_emb", bool),
        pos_emb_init_scale=inner.read("pos_emb_init_scale", float),
        init_scale=inner.read("init_scale", float),
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


class Section:
    """A part of a published configuration, whose keys are ticked off as they are read."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values, self.where = values, where
        self.open = set(values)
        self.parts: list[Section] = []

    def read(self, key: str, kind: type) -> Any:
        """A value that must be there and of that type (an int is a float)."""
        if key not in self.values:
            raise ConfigError(
                f"The setting '{self.where}.{key}' is missing from the published configuration."
            )
        value = self.values[key]
        self.open.discard(key)
        if kind is float and type(value) is int:
            value = float(value)
        # a bool is an int to isinstance, but not a number of layers
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ConfigError(f"'{self.where}.{key}' should be of type {kind.__name__}, not {value!r}.")
        return value

    def read_optional(self, key: str, kind: type) -> Any | None:
        """As `read`; None for a value that is absent or null."""
        if self.values.get(key) is None:
            self.open.discard(key)
            return None
        return self.read(key, kind)

    def section(self, key: str) -> Section:
        part = Section(cast("Mapping[str, Any]", self.read(key, dict)), f"{self.where}.{key}")
        self.parts.append(part)
        return part

    def require(self, expected: Mapping[str, Any]) -> None:
        """The only values that this package implements; a key may be absent."""
        for key, value in expected.items():
            self.open.discard(key)
            given = self.values.get(key, value)
            if given != value:
                raise ConfigError(
                    f"'{self.where}.{key}' is {given!r}; this package only implements {value!r}."
                )

    def ignore(self, *keys: str) -> None:
        """Keys that do not change what a trained model computes."""
        self.open.difference_update(keys)

    def finish(self) -> None:
        """Raises: ConfigError naming the keys, here and in parts, that nothing has read."""
        unread = self.unread()
        if unread:
            raise ConfigError(
                f"Unknown settings in the published configuration: {', '.join(sorted(unread))}."
            )

    def unread(self) -> Sequence[str]:
        own = [f"{self.where}.{key}" for key in self.open]
        return own + [name for part in self.parts for name in part.unread()]
