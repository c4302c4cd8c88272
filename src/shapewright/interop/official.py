"""Published Shap-E models as ours: configuration and parameters together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from shapewright.autoencoder import Autoencoder
from shapewright.field import Field
from shapewright.interop.official_config import (
    RendererConfig,
    decoder_config,
    prior_config,
    transmitter_config,
)
from shapewright.interop.official_diffusion import EXP_X0
from shapewright.interop.official_names import BACKGROUND, clip_width, from_official
from shapewright.prior import Prior

__all__ = ["OfficialDecoder", "OfficialTransmitter", "load_decoder", "load_prior", "load_transmitter"]


@dataclass(frozen=True, kw_only=True)
class OfficialDecoder:
    """The half that turns latents into assets, and how its authors rendered them."""

    field: Field
    renderer: RendererConfig


@dataclass(frozen=True, kw_only=True)
class OfficialTransmitter:
    """Encoder and decoder, and how their authors rendered."""

    autoencoder: Autoencoder
    renderer: RendererConfig


def load_decoder(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> OfficialDecoder:
    """A `ChannelsDecoder`, ready for inference.

    Raises: ConfigError, ModelError naming the settings or parameters that do not fit.
    """
    field_config, renderer = decoder_config(config)
    field = Field(field_config)
    from_official(field, state)
    return OfficialDecoder(field=field.eval(), renderer=with_background(renderer, state))


def load_transmitter(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> OfficialTransmitter:
    """A `Transmitter`, ready for inference. Raises: as `load_decoder`."""
    autoencoder_config, renderer = transmitter_config(config)
    autoencoder = Autoencoder(autoencoder_config)
    from_official(autoencoder, state)
    return OfficialTransmitter(autoencoder=autoencoder.eval(), renderer=with_background(renderer, state))


def load_prior(
    config: Mapping[str, Any], state: Mapping[str, Tensor], diffusion: Mapping[str, Any] = EXP_X0
) -> Prior:
    """A `SplitVectorDiffusion` under text or image, ready for inference. Raises: as `load_decoder`."""
    prior = Prior(prior_config(config, diffusion, clip_width=clip_width(state, "wrapped.")))
    from_official(prior, state)
    return prior.eval()


def with_background(renderer: RendererConfig, state: Mapping[str, Tensor]) -> RendererConfig:
    """The background colour is a stored parameter there; it goes before the configuration's."""
    if BACKGROUND not in state:
        return renderer
    red, green, blue = (float(value) for value in state[BACKGROUND])
    return replace(renderer, nerf=replace(renderer.nerf, background=(red, green, blue)))
