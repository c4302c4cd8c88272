"""Noise schedules: how much of the signal is left at every step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

from shapewright.errors import ConfigError

__all__ = ["ScheduleConfig", "ScheduleName", "alpha_bar_betas", "schedule_betas"]

ScheduleName = Literal["exp", "cosine", "linear", "inv_parabola"]

# alpha_bar is 0 at the end of some schedules; a beta of 1 would make the posterior degenerate.
MAX_BETA = 0.999


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """alpha_bar(t) over t in [0, 1], cut into `timesteps` steps. `power` is that of inv_parabola only.

    exp: e^(-12 t), Shap-E's latents. cosine: Nichol and Dhariwal (2021), equation 17, Point-E's base.
    linear: betas from 1e-4 to 0.02 at 1000 steps, Ho et al. (2020), Point-E's upsampler.
    inv_parabola: 1 - t^power, Shap-E's bottleneck (power 5).
    """

    name: ScheduleName = "exp"
    timesteps: int = 1024
    power: float = 5.0

    def __post_init__(self) -> None:
        if self.timesteps < 2:
            raise ConfigError(f"a diffusion needs at least 2 timesteps, got {self.timesteps}")
        if self.power <= 0:
            raise ConfigError(f"the schedule's power must be positive, got {self.power}")


def schedule_betas(config: ScheduleConfig) -> Float64[Tensor, " timesteps"]:
    """beta of every step, each in (0, 0.999]; on the CPU, wherever networks are being built."""
    match config.name:
        case "linear":
            scale = 1000 / config.timesteps
            ends = (scale * 1e-4, scale * 0.02)
            return torch.linspace(*ends, config.timesteps, dtype=torch.float64, device="cpu")
        case "exp":
            return alpha_bar_betas(lambda t: math.exp(-12.0 * t), config.timesteps)
        case "cosine":
            return alpha_bar_betas(
                lambda t: math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2, config.timesteps
            )
        case "inv_parabola":
            return alpha_bar_betas(lambda t: 1.0 - t**config.power, config.timesteps)


def alpha_bar_betas(alpha_bar: Callable[[float], float], timesteps: int) -> Float64[Tensor, " timesteps"]:
    """1 - alpha_bar((i + 1) / T) / alpha_bar(i / T) for every step i, at most 0.999."""
    betas = [1 - alpha_bar((i + 1) / timesteps) / alpha_bar(i / timesteps) for i in range(timesteps)]
    return torch.tensor(betas, dtype=torch.float64, device="cpu").clamp(max=MAX_BETA)
