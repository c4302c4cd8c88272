"""Networks of any size whose weights follow from their names alone, so that nothing need be downloaded.

They cost what published weights of the same sizes cost; what they draw means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.field import Field
from shapewright.interop.made_up_weights import made_up_weight
from shapewright.interop.official_names import official_name, official_shape
from shapewright.prior import Prior, PriorConfig
from shapewright.prior.precision import is_lowered

__all__ = ["made_up_autoencoder", "made_up_prior"]

SOLID_SHARE, PROBES = 0.2, 512
# Spread of a density: light ends within a tenth of the box.
OPAQUE = 20.0

NetworkT = TypeVar("NetworkT", Prior, Autoencoder)


def made_up_prior(config: PriorConfig, precision: torch.dtype = torch.float32) -> Prior:
    """Ready for inference; its large matrices in `precision`, see `prior.precision`."""

    def precision_of(name: str) -> torch.dtype:
        return precision if is_lowered(name) else torch.float32

    return _filled(lambda: Prior(config), precision_of)


def made_up_autoencoder(config: AutoencoderConfig) -> Autoencoder:
    """Ready for inference, in fp32; its fields are about as smooth as trained ones."""
    autoencoder = _filled(lambda: Autoencoder(config), lambda _: torch.float32)
    soften(autoencoder.field)
    give_surface(autoencoder.field)
    return autoencoder


def soften(field: Field) -> None:
    """Octave k of the position counts 2^-k as much: else the surface would be noise, all of the grid."""
    octaves = torch.arange(field.config.position_octaves).repeat_interleave(3)
    share = 2.0 ** -torch.cat([torch.zeros(3), octaves, octaves])
    first = field.latent_to_weights.projections[0]
    for name in ("norm.weight", "norm.bias", "bias"):  # (channels,) or (rows, channels)
        first.get_parameter(name).data *= share


@torch.no_grad()
def give_surface(field: Field) -> None:
    """A latent of squashed noise is solid in a fifth of the box: its signed distance, and both densities."""
    generator, sizes = torch.Generator().manual_seed(0), field.config
    latent = torch.tanh(torch.randn(1, sizes.latent_tokens, sizes.latent_channels, generator=generator))
    points = 2 * torch.rand(1, PROBES, 3, generator=generator) - 1
    raw = field.query(field.weights(latent), points).raw[0]
    last = field.mlp.linears()[-1]
    last.bias[0] -= torch.quantile(raw[:, 0], 1 - SOLID_SHARE)
    # the same for both densities, so that fine samples are placed where there is something
    opaque = OPAQUE / raw[:, 1].std()
    row, bias = last.weight[1] * opaque, (last.bias[1] - torch.quantile(raw[:, 1], 1 - SOLID_SHARE)) * opaque
    last.weight[1:3], last.bias[1:3] = row, bias


def _filled(build: Callable[[], NetworkT], precision_of: Callable[[str], torch.dtype]) -> NetworkT:
    """The network without weights of its own, given made-up ones, one after the other."""
    with torch.device("meta"):
        network = build()
    state: dict[str, Tensor] = {}
    for name, part in network.state_dict().items():
        made = made_up_weight(official_name(network, name), official_shape(name, part))
        state[name] = torch.from_numpy(made).reshape(part.shape).to(precision_of(name))
    network.load_state_dict(state, assign=True)
    return network.eval().requires_grad_(False)
