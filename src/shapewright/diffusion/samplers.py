"""Samplers as plain functions (denoiser, x, sigmas) -> x.

x starts as noise of standard deviation sigmas[0]; sigmas falls and ends with 0; the result is the state
after the last step. `on_step(done, total)` is called after every step.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion.noise import SampleNoise
from shapewright.diffusion.preconditioning import Denoiser
from shapewright.errors import ConfigError

__all__ = ["Churn", "StepCallback", "dpm", "euler", "heun"]

StepCallback = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Churn:
    """Noise put back before every step whose sigma lies in [sigma_low, sigma_high].

    `amount` is spread over all steps; `noise_scale` multiplies the noise. Source: Karras et al., section 4.
    """

    amount: float
    sigma_low: float = 0.0
    sigma_high: float = math.inf
    noise_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ConfigError(f"churn must not be negative, got {self.amount}")

    def raised(self, sigma: float, steps: int) -> float:
        """The noise level to go back to from `sigma`."""
        if not self.sigma_low <= sigma <= self.sigma_high:
            return sigma
        return sigma * (1 + min(self.amount / steps, math.sqrt(2) - 1))


def heun(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    churn: Churn | None = None,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """Implements Algorithm 2 (stochastic Heun steps) of Karras et al. (2022); the last step is Euler's.

    Costs 2 * steps - 1 evaluations. `noise` is needed with `churn` only.
    """
    levels = sigmas.tolist()
    for i, (sigma, following) in enumerate(pairwise(levels)):
        x, sigma = churned(x, sigma, len(levels) - 1, churn, noise)
        slope = (x - denoiser(x, sigma)) / sigma
        ahead = x + slope * (following - sigma)
        if following > 0:
            slope_ahead = (ahead - denoiser(ahead, following)) / following
            ahead = x + (slope + slope_ahead) / 2 * (following - sigma)
        x = ahead
        report(on_step, i + 1, len(levels) - 1)
    return x


def dpm(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    churn: Churn | None = None,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """Midpoint steps after DPM-Solver-2, the midpoint halfway between the cube roots of the levels.

    Costs 2 * steps evaluations. Source: Lu et al. (2022), with the middle of a rho = 3 schedule.
    """
    levels = sigmas.tolist()
    for i, (sigma, following) in enumerate(pairwise(levels)):
        x, sigma = churned(x, sigma, len(levels) - 1, churn, noise)
        slope = (x - denoiser(x, sigma)) / sigma
        middle = ((sigma ** (1 / 3) + following ** (1 / 3)) / 2) ** 3
        x_middle = x + slope * (middle - sigma)
        slope_middle = (x_middle - denoiser(x_middle, middle)) / middle
        x = x + slope_middle * (following - sigma)
        report(on_step, i + 1, len(levels) - 1)
    return x


def euler(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    sigmas: Float[Tensor, " steps_and_zero"],
    *,
    churn: Churn | None = None,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """Euler steps of the probability flow, Karras et al. (2022), Algorithm 2 without its correction.

    Costs one evaluation a step; with a denoiser of a discrete model and no churn this is DDIM.
    """
    levels = sigmas.tolist()
    for i, (sigma, following) in enumerate(pairwise(levels)):
        x, sigma = churned(x, sigma, len(levels) - 1, churn, noise)
        slope = (x - denoiser(x, sigma)) / sigma
        x = x + slope * (following - sigma)
        report(on_step, i + 1, len(levels) - 1)
    return x


def churned(
    x: Float[Tensor, "b *rest"], sigma: float, steps: int, churn: Churn | None, noise: SampleNoise | None
) -> tuple[Float[Tensor, "b *rest"], float]:
    """x and its noise level after noise has been put back."""
    if churn is None:
        return x, sigma
    raised = churn.raised(sigma, steps)
    if raised == sigma:
        return x, sigma
    assert noise is not None, "a sampler with churn needs a source of noise"
    fresh = noise(x.shape[1:], x.device) * churn.noise_scale
    return x + fresh * math.sqrt(raised**2 - sigma**2), raised


def report(on_step: StepCallback | None, done: int, total: int) -> None:
    if on_step is not None:
        on_step(done, total)
