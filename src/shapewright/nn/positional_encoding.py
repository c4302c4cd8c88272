"""Fourier features of coordinates, directions and colours (NeRF's encoding, in the reference's order)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["encode_positions", "encoded_width"]


def encoded_width(channels: int, octaves: int) -> int:
    """Length of the encoding of a vector of `channels` numbers."""
    return channels * (1 + 2 * octaves)


def encode_positions(x: Float[Tensor, "*batch channels"], octaves: int) -> Float[Tensor, "*batch encoded"]:
    """Concatenate x, sin(s) and sin(s + pi/2), where s lists 2^0 x, 2^1 x, ... up to `octaves`.

    All components of one octave stand together. Cosines are written as shifted sines because at the
    highest octaves the two round differently, and the published checkpoints saw the shifted sine.

    Source: Shap-E, section 3.1; NeRF, equation 4.
    """
    scales = 2.0 ** torch.arange(octaves, device=x.device, dtype=x.dtype)
    scaled = (x[..., None, :] * scales[:, None]).flatten(-2)
    return torch.cat([x, torch.sin(scaled), torch.sin(scaled + math.pi / 2)], dim=-1)
