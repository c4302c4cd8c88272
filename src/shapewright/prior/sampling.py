"""Samples of a prior: a latent per seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.diffusion import (
    Churn,
    Denoiser,
    SampleNoise,
    discrete_denoiser,
    dpm,
    euler,
    guided_denoiser,
    heun,
    karras_sigmas,
)
from shapewright.diffusion.samplers import StepCallback
from shapewright.errors import ConfigError
from shapewright.prior.condition import Condition
from shapewright.prior.prior import Prior

__all__ = ["SamplerConfig", "prior_denoiser", "sample", "sample_from"]


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """Defaults are the published text model's; its image model takes guidance 3.

    `guidance`: 0 ignores the condition, 1 follows it plainly, more exaggerates it. `clip` bounds the
    estimates of x_0: 1 for the published latents, wider for standardised ones, None for no bound.
    """

    steps: int = 64
    guidance: float = 15.0
    sigma_min: float = 1e-3
    sigma_max: float = 160.0
    rho: float = 7.0
    method: Literal["heun", "dpm", "euler"] = "heun"
    churn: float = 0.0
    clip: float | None = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"sampling takes at least 1 step, got {self.steps}")
        if not 0 <= self.guidance < math.inf:
            raise ConfigError(f"guidance must be a number from 0 up, got {self.guidance}")
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ConfigError(f"need 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}")
        if not self.rho > 0 or not self.churn >= 0:
            raise ConfigError(f"need rho > 0 and churn >= 0, got {self.rho} and {self.churn}")
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")

    @property
    def evaluations(self) -> int:
        """How often the prior is called."""
        return {"heun": 2 * self.steps - 1, "dpm": 2 * self.steps, "euler": self.steps}[self.method]


def sample(
    prior: Prior,
    condition: Condition,
    *,
    seeds: Sequence[int],
    config: SamplerConfig,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b t c"]:
    """One latent per seed, under that row of the condition; fp32, on the prior's device.

    All noise of a sample comes from its own seed, and no sample sees another: a sample is the same in
    every batch. On the CPUs tried that holds to the last bit; elsewhere matrix products of another
    number of rows may round differently (about 1e-5 of the value after 64 steps).
    """
    noise = SampleNoise(seeds)
    device = next(prior.parameters()).device
    start = noise((prior.config.latent_tokens, prior.config.latent_channels), device)
    return sample_from(prior, condition, start, config=config, noise=noise, on_step=on_step)


@torch.no_grad()
def sample_from(
    prior: Prior,
    condition: Condition,
    start: Float[Tensor, "b t c"],
    *,
    config: SamplerConfig,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b t c"]:
    """The samples that standard normal noise `start` leads to. `noise` feeds the churn, if there is any.

    Source: Shap-E, section 5.2; Karras et al. (2022), algorithm 2.
    """
    assert condition.batch_size in (None, len(start)), "one row of the condition for every sample"
    denoiser = prior_denoiser(prior, condition.to(start.device), guidance=config.guidance, clip=config.clip)
    sigmas = karras_sigmas(
        config.steps, sigma_min=config.sigma_min, sigma_max=config.sigma_max, rho=config.rho
    )
    sampler = {"heun": heun, "dpm": dpm, "euler": euler}[config.method]
    churn = Churn(amount=config.churn) if config.churn else None
    return sampler(denoiser, start * config.sigma_max, sigmas, churn=churn, noise=noise, on_step=on_step)


def prior_denoiser(prior: Prior, condition: Condition, *, guidance: float, clip: float | None) -> Denoiser:
    """The prior under `condition` as a denoiser of x + sigma * noise, guided.

    Guidance 0 and 1 evaluate one branch; everything else evaluates both in one doubled batch.
    """
    if guidance == 1:
        return _single_denoiser(prior, condition, clip)
    if guidance == 0:
        return _single_denoiser(prior, condition.unconditional(), clip)
    both = _single_denoiser(prior, condition.joined(condition.unconditional()), clip)
    return guided_denoiser(both, guidance)


def _single_denoiser(prior: Prior, condition: Condition, clip: float | None) -> Denoiser:
    dtype = prior.input_proj.weight.dtype
    told = prior.embed(condition, dtype)

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        # the state stays in fp32; only the network runs in its own precision
        return prior(x_t.to(dtype), t, told)[:, 0].to(x_t.dtype)

    return discrete_denoiser(network, prior.diffusion, clip=clip)
