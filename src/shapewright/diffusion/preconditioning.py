"""A discrete-time network seen as a denoiser of x + sigma * noise (Karras et al., 2022)."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapewright.diffusion.discrete import DiscreteDiffusion

__all__ = ["Denoiser", "Network", "discrete_denoiser", "interpolated_sigmas", "karras_sigmas"]

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


def interpolated_sigmas(steps: int, levels: Sequence[float]) -> Float[Tensor, " steps_and_zero"]:
    """`steps` noise levels evenly along the `levels`, log-linearly in between, then 0.

    Source: Sabour et al. (2024), "Align your steps", section 4.
    """
    if steps == 1:
        return torch.tensor([levels[0], 0.0], dtype=torch.float64)
    logs = torch.tensor(levels, dtype=torch.float64).log()
    place = torch.linspace(0, len(levels) - 1, steps, dtype=torch.float64)
    before = place.long().clamp(max=len(levels) - 2)
    sigmas = torch.lerp(logs[before], logs[before + 1], place - before).exp()
    sigmas[0], sigmas[-1] = levels[0], levels[-1]  # to the last bit
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
