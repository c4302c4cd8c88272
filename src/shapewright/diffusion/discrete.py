"""The discrete-time Gaussian diffusion: its tables and the conversions between x_0, x_t and noise."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from shapewright.diffusion.schedules import ScheduleConfig, schedule_betas

__all__ = ["DiffusionConfig", "DiscreteDiffusion", "Prediction"]

Prediction = Literal["x0", "eps"]


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig:
    """The schedule and what the network predicts. Defaults are Shap-E's; Point-E predicts eps."""

    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    prediction: Prediction = "x0"


class DiscreteDiffusion:
    """q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I) for t = 0..timesteps-1.

    Tables are kept in float64; what is looked up comes in fp32 on the device of t, shaped to broadcast
    over x. Source: Ho et al. (2020), equations 4 to 7.
    """

    def __init__(self, config: DiffusionConfig) -> None:
        self.config = config
        betas = schedule_betas(config.schedule)
        self.alphas_cumprod: Float64[Tensor, " timesteps"] = torch.cumprod(1 - betas, dim=0)
        previous = torch.cat([torch.ones(1, dtype=torch.float64, device="cpu"), self.alphas_cumprod[:-1]])
        noise = 1 - self.alphas_cumprod
        variance = betas * (1 - previous) / noise
        self.log_betas = torch.log(betas)
        # The posterior of the first step has no variance; its logarithm takes that of the second.
        self.posterior_log_variance = torch.log(torch.cat([variance[1:2], variance[1:]]))
        self.posterior_x0_weight = betas * torch.sqrt(previous) / noise
        self.posterior_xt_weight = (1 - previous) * torch.sqrt(1 - betas) / noise

    @property
    def timesteps(self) -> int:
        return self.config.schedule.timesteps

    def noised(
        self, x0: Float[Tensor, "b *rest"], t: Int[Tensor, " b"], noise: Float[Tensor, "b *rest"]
    ) -> Float[Tensor, "b *rest"]:
        """x_t: the signal after t + 1 steps of noise."""
        alpha_bar = self.alphas_cumprod
        return lookup(torch.sqrt(alpha_bar), t, x0) * x0 + lookup(torch.sqrt(1 - alpha_bar), t, x0) * noise

    def predicted_x0(
        self, x_t: Float[Tensor, "b *rest"], t: Int[Tensor, " b"], prediction: Float[Tensor, "b *rest"]
    ) -> Float[Tensor, "b *rest"]:
        """What the network's prediction (x0 or eps, by config) says x_0 is."""
        if self.config.prediction == "x0":
            return prediction
        alpha_bar = self.alphas_cumprod
        scale, noise_scale = torch.sqrt(1 / alpha_bar), torch.sqrt(1 / alpha_bar - 1)
        return lookup(scale, t, x_t) * x_t - lookup(noise_scale, t, x_t) * prediction

    def target(
        self, x0: Float[Tensor, "b *rest"], noise: Float[Tensor, "b *rest"]
    ) -> Float[Tensor, "b *rest"]:
        """What the network is asked to predict."""
        return x0 if self.config.prediction == "x0" else noise

    def posterior_mean(
        self, x0: Float[Tensor, "b *rest"], x_t: Float[Tensor, "b *rest"], t: Int[Tensor, " b"]
    ) -> Float[Tensor, "b *rest"]:
        """Mean of q(x_{t-1} | x_t, x_0)."""
        return lookup(self.posterior_x0_weight, t, x0) * x0 + lookup(self.posterior_xt_weight, t, x0) * x_t

    def learned_log_variance(
        self, fraction: Float[Tensor, "b *rest"], t: Int[Tensor, " b"]
    ) -> Float[Tensor, "b *rest"]:
        """log variance of p(x_{t-1} | x_t) from a network output: -1 is the posterior's, 1 is log beta.

        Source: Nichol and Dhariwal (2021), equation 15.
        """
        share = (fraction + 1) / 2
        low, high = lookup(self.posterior_log_variance, t, share), lookup(self.log_betas, t, share)
        return share * high + (1 - share) * low

    def timestep_of(self, sigma: float) -> int:
        """The step whose noise-to-signal ratio is that of `sigma`: floor of the interpolated table, clamped.

        Inverts alpha_bar(t) = 1 / (sigma^2 + 1), linearly between entries.
        """
        alpha_bar = 1.0 / (sigma**2 + 1.0)
        # the table falls, so the count of entries at or above the value brackets it
        above = int((self.alphas_cumprod >= alpha_bar).sum())
        return min(max(above - 1, 0), self.timesteps - 1)


def lookup(
    table: Float64[Tensor, " timesteps"], t: Int[Tensor, " b"], like: Float[Tensor, "b *rest"]
) -> Float[Tensor, "b *ones"]:
    """table[t], in fp32, with dimensions of one added so that it broadcasts over `like`."""
    return table.float().to(t.device)[t].reshape(-1, *[1] * (like.ndim - 1))
