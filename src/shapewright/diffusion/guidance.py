"""Classifier-free guidance on the estimate of x_0."""

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion.preconditioning import Denoiser

__all__ = ["guide", "guided_denoiser", "guided_within"]


def guide(
    conditional: Float[Tensor, "*shape"], unconditional: Float[Tensor, "*shape"], scale: float
) -> Float[Tensor, "*shape"]:
    """unconditional + scale (conditional - unconditional); 0 ignores the condition, 1 is plain conditioning.

    Source: Ho and Salimans (2022), equation 6, on x_0 in place of eps.
    """
    return unconditional + scale * (conditional - unconditional)


def guided_denoiser(both: Denoiser, scale: float) -> Denoiser:
    """A denoiser that mixes the branches of `both`, which takes a doubled batch in one evaluation.

    The first half of that batch must be denoised under the condition, the second half without it.
    The mixture is not clipped again.
    """

    def denoise(x: Tensor, sigma: float) -> Tensor:
        conditional, unconditional = both(torch.cat([x, x]), sigma).chunk(2)
        return guide(conditional, unconditional, scale)

    return denoise


def guided_within(guided: Denoiser, plain: Denoiser, interval: tuple[float, float]) -> Denoiser:
    """`guided` at noise levels in [low, high], `plain` at all others, where guidance does little or harm.

    Source: Kynkäänniemi et al. (2024), "Applying guidance in a limited interval", equation 5.
    """
    low, high = interval

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return (guided if low <= sigma <= high else plain)(x, sigma)

    return denoise
