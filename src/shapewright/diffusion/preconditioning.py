"""A discrete-time network seen as a denoiser of x + sigma * noise (Karras et al., 2022)."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapewright.diffusion.discrete import DiscreteDiffusion

__all__ = ["Denoiser", "Network", "discrete_denoiser", "karras_sigmas"]

# (x at noise level sigma, sigma) -> estimate of x_0
Denoiser = Callable[[Tensor, float], Tensor]
# (x_t, t) -> prediction of x_0 or eps, same shape as x_t
Network = Callable[[Tensor, Int[Tensor, " b"]], Tensor]


def karras_sigmas(
    steps: int, *, sigma_min: float, sigma_max: float, rho: float = 7.0
) -> Float[Tensor, " steps_and_zero"]:
    """`steps` noise levels from sigma_max down to sigma_min, then 0. Source: Karras et al., equation 5."""
    ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas = (high + ramp * (low - high)) ** rho
    return torch.cat([sigmas, torch.zeros(1, dtype=torch.float64)])


def discrete_denoiser(
    network: Network, diffusion: DiscreteDiffusion, *, clip: float | None = None
) -> Denoiser:
    """The network as a denoiser: fed x / sqrt(sigma^2 + 1) at the matching integer time.

    `clip` bounds the estimate of x_0 to [-clip, clip] (the published models: 1).
    """

    def denoise(x: Tensor, sigma: float) -> Tensor:
        x_t = x / (sigma**2 + 1) ** 0.5
        t = torch.full((x.shape[0],), diffusion.timestep_of(sigma), device=x.device)
        x0 = diffusion.predicted_x0(x_t, t, network(x_t, t))
        return x0 if clip is None else x0.clamp(-clip, clip)

    return denoise
