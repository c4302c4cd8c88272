"""The sinusoidal embedding of diffusion time."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["timestep_embedding"]


def timestep_embedding(t: Int[Tensor, " b"] | Float[Tensor, " b"], width: int) -> Float[Tensor, "b {width}"]:
    """concat[cos(t f), sin(t f)] with width / 2 frequencies f falling from 1 towards 1 / 10000, in fp32.

    `width` is even. Source: Vaswani et al. (2017), section 3.5; cosines first, as in improved DDPM.
    """
    assert width % 2 == 0, "a timestep embedding has an even width"
    half = width // 2
    steps = torch.arange(half, device=t.device, dtype=torch.float32)
    angles = t[:, None].float() * torch.exp(-math.log(10000.0) / half * steps)
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
