"""How far a field is from what it should say at points: signed distance and density, point by point.

Training at points and the refinement of latents share these. See docs/decisions/0002-direct-supervision.md.
Shapes: B assets, Q queries.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

__all__ = ["COARSE_DILATION", "DENSITY_RAMP", "density_errors", "signed_distance_errors"]

DENSITY_RAMP = 0.012
# the coarse density's surface lies this much further out: the coarse level only proposes where to look
COARSE_DILATION = 0.01


def signed_distance_errors(raw: Float[Tensor, "b q"], distance: Float[Tensor, "b q"]) -> Float[Tensor, "b q"]:
    """Cross-entropy of the field's first output, before its tanh, to tanh(distance).

    distance: in units of the field's truncation.
    """
    # sigmoid(2 r) = (1 + tanh r) / 2: the cross-entropy of the sign, whose minimum is at tanh r = target
    target = 0.5 + 0.5 * torch.tanh(distance)
    return F.binary_cross_entropy_with_logits(2 * raw, target, reduction="none")


def density_errors(raw: Float[Tensor, "b q"], distance: Float[Tensor, "b q"]) -> Float[Tensor, "b q"]:
    """L1 to a density that rises through the surface within DENSITY_RAMP; negative raw values are empty.

    raw: in units of the field's density scale.
    """
    return (raw - (distance / DENSITY_RAMP).clamp(-1, 1)).abs()
