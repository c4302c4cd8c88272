"""Samples of a prior: a latent per seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    dpmpp2m,
    dpmpp3m,
    euler,
    guided_denoiser,
    guided_within,
    heun,
    interpolated_sigmas,
    karras_sigmas,
    mixed_denoiser,
    unipc,
)
from shapewright.diffusion.samplers import StepCallback
from shapewright.errors import ConfigError
from shapewright.prior.condition import Condition
from shapewright.prior.prior import Prior
from shapewright.prior.steering import Steering

__all__ = ["SamplerConfig", "Solver", "prior_denoiser", "sample", "sample_from"]

Solver = Literal["heun", "dpm", "euler", "dpmpp2m", "dpmpp3m", "unipc"]
UNCHANGED = Steering()
MULTISTEP = {"dpmpp2m": dpmpp2m, "dpmpp3m": dpmpp3m, "unipc": unipc}
ONE_STEP = {"heun": heun, "dpm": dpm, "euler": euler}


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """Defaults are the published text model's; its image model takes guidance 3.

    `guidance`: 0 ignores the condition, 1 follows it plainly, more exaggerates it. `clip` bounds the
    estimates of x_0: 1 for the published latents, wider for standardised ones, None for no bound.
    `method` is the solver; dpmpp2m, dpmpp3m and unipc take one evaluation a step where heun takes two, and
    no churn, which would part a step from the estimates before it. `guidance_interval` are the lowest and
    the highest sigma at which there is guidance (a guidance of 1 elsewhere); None is everywhere.
    `levels` are noise levels measured to be good, from sigma_max to sigma_min, through which those of any
    number of steps are interpolated (Sabour et al. (2024), "Align your steps"); None: Karras's, by `rho`.
    """

    steps: int = 64
    guidance: float = 15.0
    sigma_min: float = 1e-3
    sigma_max: float = 160.0
    rho: float = 7.0
    method: Solver = "heun"
    churn: float = 0.0
    clip: float | None = 1.0
    guidance_interval: tuple[float, float] | None = None
    levels: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"sampling takes at least 1 step, got {self.steps}")
        if self.method not in {**ONE_STEP, **MULTISTEP}:
            known = ", ".join({**ONE_STEP, **MULTISTEP})
            raise ConfigError(f"'{self.method}' is no solver: use one of {known}")
        if not 0 <= self.guidance < math.inf:
            raise ConfigError(f"guidance must be a number from 0 up, got {self.guidance}")
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ConfigError(f"need 0 < sigma_min < sigma_max, got {self.sigma_min} and {self.sigma_max}")
        if not self.rho > 0 or not self.churn >= 0:
            raise ConfigError(f"need rho > 0 and churn >= 0, got {self.rho} and {self.churn}")
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip must be positive, got {self.clip}")
        if self.churn > 0 and self.method in MULTISTEP:
            raise ConfigError(
                f"the solver {self.method} takes no churn, got {self.churn}: use one of {', '.join(ONE_STEP)}"
            )
        if self.guidance_interval is not None:
            low, high = self.guidance_interval
            if not 0 <= low <= high:
                raise ConfigError(
                    f"the guidance interval must be 0 <= lowest <= highest, got {low} and {high}"
                )

        if self.levels is not None:
            falling = all(after < before for before, after in pairwise(self.levels))
            ends = (self.sigma_max, self.sigma_min)
            if len(self.levels) < 2 or not falling or (self.levels[0], self.levels[-1]) != ends:
                raise ConfigError(
                    f"the noise levels must fall from sigma_max to sigma_min, {ends}, got {self.levels}"
                )

    @property
    def evaluations(self) -> int:
        """How often the prior is called."""
        return len(self.evaluated_sigmas())

    @property
    def branch_evaluations(self) -> int:
        """The same, counting twice where both branches of guidance are evaluated: what the cost is."""
        if self.guidance in (0, 1):
            return self.evaluations
        low, high = self.guidance_interval or (0.0, math.inf)
        return sum(2 if low <= sigma <= high else 1 for sigma in self.evaluated_sigmas())

    def sigmas(self) -> Float[Tensor, " steps_and_zero"]:
        """The noise levels between the steps, the last of them 0."""
        if self.levels is not None:
            return interpolated_sigmas(self.steps, self.levels)
        return karras_sigmas(self.steps, sigma_min=self.sigma_min, sigma_max=self.sigma_max, rho=self.rho)

    def evaluated_sigmas(self) -> list[float]:
        """The noise level of every evaluation, in order: of a run on a number, with no prior."""
        seen: list[float] = []

        def denoise(x: Tensor, sigma: float) -> Tensor:
            seen.append(sigma)
            return x

        solve(denoise, torch.zeros(1, 1), self, noise=SampleNoise([0]))
        return seen


def sample(
    prior: Prior,
    condition: Condition,
    *,
    seeds: Sequence[int],
    config: SamplerConfig,
    steering: Steering = UNCHANGED,
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
    return sample_from(
        prior, condition, start, config=config, steering=steering, noise=noise, on_step=on_step
    )


@torch.no_grad()
def sample_from(
    prior: Prior,
    condition: Condition,
    start: Float[Tensor, "b t c"],
    *,
    config: SamplerConfig,
    steering: Steering = UNCHANGED,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b t c"]:
    """The samples that standard normal noise `start` leads to. `noise` feeds the churn, if there is any.

    Source: Shap-E, section 5.2; Karras et al. (2022), algorithm 2.
    """
    rows = len(start) * len(steering.weights)
    assert condition.batch_size in (None, rows), "one row of the condition for every sample and part"
    condition, steering = condition.to(start.device), steering.to(start.device)
    scale = steering.scale(config.guidance)
    denoiser = prior_denoiser(prior, condition, guidance=scale, clip=config.clip, steering=steering)
    if config.guidance_interval is not None:
        plain = prior_denoiser(prior, condition, guidance=1.0, clip=config.clip, steering=steering)
        denoiser = guided_within(denoiser, plain, config.guidance_interval)
    first = steering.first_step(config.steps)
    x = start * (float(config.sigmas()[first]) if first else config.sigma_max)
    if steering.init is not None:
        x = x + steering.init
    return solve(denoiser, x, config, first_step=first, noise=noise, on_step=on_step)


def solve(
    denoiser: Denoiser,
    x: Float[Tensor, "b *rest"],
    config: SamplerConfig,
    *,
    first_step: int = 0,
    noise: SampleNoise | None = None,
    on_step: StepCallback | None = None,
) -> Float[Tensor, "b *rest"]:
    """What x becomes with the config's solver and noise levels from that of `first_step`, which x has."""
    sigmas = config.sigmas()[first_step:]
    if config.method in MULTISTEP:
        return MULTISTEP[config.method](denoiser, x, sigmas, on_step=on_step)
    churn = Churn(amount=config.churn) if config.churn else None
    sampler = ONE_STEP[config.method]
    return sampler(denoiser, x, sigmas, churn=churn, noise=noise, on_step=on_step)


def prior_denoiser(
    prior: Prior,
    condition: Condition,
    *,
    guidance: float | Tensor,
    clip: float | None,
    steering: Steering = UNCHANGED,
) -> Denoiser:
    """The prior under `condition` as a denoiser of x + sigma * noise, guided.

    A guidance of 0 evaluates one branch, one of 1 those of the condition only; everything else evaluates
    all branches in one larger batch.
    """
    weights = steering.weights
    if isinstance(guidance, float | int) and guidance == 1:
        told = _single_denoiser(prior, condition, clip)
        return told if len(weights) == 1 else mixed_denoiser(told, weights)
    avoided = steering.negative or condition.first_block(len(weights)).unconditional()
    if isinstance(guidance, float | int) and guidance == 0:
        return _single_denoiser(prior, avoided, clip)
    branches = _single_denoiser(prior, condition.joined(avoided), clip)
    return guided_denoiser(branches, guidance, weights)


def _single_denoiser(prior: Prior, condition: Condition, clip: float | None) -> Denoiser:
    dtype = prior.input_proj.weight.dtype
    told = prior.embed(condition, dtype)

    def network(x_t: Tensor, t: Tensor) -> Tensor:
        # the state stays in fp32; only the network runs in its own precision
        return prior(x_t.to(dtype), t, told)[:, 0].to(x_t.dtype)

    return discrete_denoiser(network, prior.diffusion, clip=clip)
