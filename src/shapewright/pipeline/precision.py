"""In which precision a prior is sampled."""

from typing import Literal, get_args

import torch

from shapewright.encoder import EncoderConfig
from shapewright.errors import ConfigError
from shapewright.nn.processor import has_bf16
from shapewright.prior import PriorConfig

__all__ = ["Precision", "choose_encoder_precision", "choose_precision"]

Precision = Literal["auto", "fp32", "bf16"]

# Weights of the blocks' matrices. Below, as in the shipped model with its 8 million, a sample takes about a
# second anyway, and that a seed gives the same object on every machine is worth more than a third of that.
WORTH_LOWERING = 30e6


def choose_precision(wanted: Precision, device: torch.device, config: PriorConfig | None) -> torch.dtype:
    """What the prior's large matrices are kept and multiplied in.

    'auto' takes bf16 for a large prior where the device has instructions for it, else fp32.
    Raises: ConfigError for another name.
    """
    blocks = None if config is None else 12 * config.layers * config.width**2
    return chosen(wanted, device, blocks)


def choose_encoder_precision(
    wanted: Precision, device: torch.device, config: EncoderConfig | None
) -> torch.dtype:
    """What an encoder multiplies in; by the same rule. Raises: ConfigError."""
    blocks = None if config is None else 12 * config.self_layers * config.width**2
    return chosen(wanted, device, blocks)


def chosen(wanted: Precision, device: torch.device, weights: int | None) -> torch.dtype:
    if wanted not in get_args(Precision):
        raise ConfigError(f"There is no precision '{wanted}'; known are {', '.join(get_args(Precision))}.")
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bf16" else torch.float32
    large = weights is not None and weights >= WORTH_LOWERING
    return torch.bfloat16 if large and computes_bf16(device) else torch.float32


def computes_bf16(device: torch.device) -> bool:
    """Whether bf16 products are faster there than fp32 ones, as far as is known."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bf16()
