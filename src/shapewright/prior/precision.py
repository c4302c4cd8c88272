"""A prior with its large matrices in half precision: half the memory, and the speed of such products.

Lowered are the linear layers of the transformer's blocks, which hold nearly all weights and do nearly all
work. What comes in and goes out, the norms and the residual stream stay in fp32: there a rounding would not
average out. The prior in fp32 is the plain twin.
"""

import re

import torch
from torch import nn

from shapewright.nn.packed_linear import PackedLinear, can_pack
from shapewright.nn.transformer import Linear
from shapewright.prior.prior import Prior

__all__ = ["is_lowered", "lower", "pack", "precision_of"]

LOWERED = re.compile(r"backbone\.resblocks\.\d+\.(attn|mlp)\.\w+\.(weight|bias)")


def is_lowered(name: str) -> bool:
    """Whether the prior's parameter of that name is one of those lowered."""
    return LOWERED.fullmatch(name) is not None


def lower(prior: Prior, dtype: torch.dtype) -> Prior:
    """The prior itself, its large matrices now in `dtype` and no longer to be trained.

    One layer after the other: memory holds no second prior.
    """
    for layer in prior.backbone.modules():
        if isinstance(layer, Linear):
            for name, parameter in list(layer.named_parameters(recurse=False)):
                setattr(layer, name, nn.Parameter(parameter.detach().to(dtype), requires_grad=False))
    return prior


def pack(prior: Prior) -> Prior:
    """The prior itself, lowered layers laid out for this processor where there is a layout for them.

    From then on it only computes: it can be neither saved nor moved.
    """
    for block in prior.backbone.resblocks:  # one after the other: memory holds no second prior
        for module in list(block.modules()):
            for name, layer in list(module.named_children()):
                if isinstance(layer, Linear) and can_pack(layer):
                    setattr(module, name, PackedLinear(layer))
    return prior


def precision_of(prior: Prior) -> torch.dtype:
    """Of its large matrices."""
    return next(part.dtype for name, part in prior.named_parameters() if is_lowered(name))
