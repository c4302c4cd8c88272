"""Classifier-free guidance on the estimate of x_0."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion.preconditioning import Denoiser

__all__ = ["guide", "guided_denoiser", "guided_within", "mixed_denoiser"]


def guide(
    conditional: Float[Tensor, "*shape"], unconditional: Float[Tensor, "*shape"], scale: float | Tensor
) -> Float[Tensor, "*shape"]:
    """unconditional + scale (conditional - unconditional); 0 ignores the condition, 1 is plain conditioning.

    `scale` is a number, or one for every sample, shaped so that it can be multiplied.
    Source: Ho and Salimans (2022), equation 6, on x_0 in place of eps.
    """
    return unconditional + scale * (conditional - unconditional)


def guided_denoiser(branches: Denoiser, scale: float | Tensor, weights: Sequence[float] = (1.0,)) -> Denoiser:
    """A denoiser that mixes the branches of `branches`, which takes one larger batch in one evaluation.

    That batch has a block for every one of `weights`, to be denoised under the parts of the condition, and
    then one to be denoised without it (or under what is to be avoided). The mixture is not clipped again.
    """

    def denoise(x: Tensor, sigma: float) -> Tensor:
        blocks = len(weights) + 1
        *conditional, unconditional = branches(torch.cat([x] * blocks), sigma).chunk(blocks)
        return guide(mixture(conditional, weights), unconditional, scale)

    return denoise


def mixed_denoiser(branches: Denoiser, weights: Sequence[float]) -> Denoiser:
    """The weighted sum of the estimates of `branches`, which takes a block for every weight; no guidance."""

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return mixture(branches(torch.cat([x] * len(weights)), sigma).chunk(len(weights)), weights)

    return denoise


def mixture(estimates: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The sum of all estimates, weighted. Source: Liu et al. (2022), equation 11, on x_0."""
    if len(weights) == 1:
        return estimates[0]
    return torch.stack([weight * part for weight, part in zip(weights, estimates, strict=True)]).sum(dim=0)


def guided_within(guided: Denoiser, plain: Denoiser, interval: tuple[float, float]) -> Denoiser:
    """`guided` at noise levels in [low, high], `plain` at all others, where guidance does little or harm.

    Source: Kynkäänniemi et al. (2024), "Applying guidance in a limited interval", equation 5.
    """
    low, high = interval

    def denoise(x: Tensor, sigma: float) -> Tensor:
        return (guided if low <= sigma <= high else plain)(x, sigma)

    return denoise
