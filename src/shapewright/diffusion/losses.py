"""What a denoiser is trained on: squared error of its prediction, and the bound on its variance."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from shapewright.diffusion.discrete import DiscreteDiffusion

__all__ = ["DenoisingLoss", "denoising_loss", "gaussian_kl_nats", "variance_bound_bits"]


@dataclass(frozen=True, kw_only=True)
class DenoisingLoss:
    """Per sample of the batch. `bound_bits` is None where the network learns no variance."""

    squared_error: Float[Tensor, " b"]
    bound_bits: Float[Tensor, " b"] | None
    total: Float[Tensor, " b"]


def denoising_loss(
    diffusion: DiscreteDiffusion,
    prediction: Float[Tensor, "b *rest"],
    variance: Float[Tensor, "b *rest"] | None,
    *,
    x0: Float[Tensor, "b *rest"],
    t: Int[Tensor, " b"],
    noise: Float[Tensor, "b *rest"],
) -> DenoisingLoss:
    """Mean squared error of the prediction plus, for a learned variance, the variational bound's term.

    `prediction` and `variance` are the network's outputs at diffusion.noised(x0, t, noise). The bound's
    term counts as much as the error: so the reference's diffusion is configured (loss "mse", not
    "rescaled_mse", which would multiply by timesteps / 1000).
    Source: Nichol and Dhariwal (2021), equation 16; the reference's `training_losses`.
    """
    squared_error = mean_per_sample((prediction.float() - diffusion.target(x0, noise)) ** 2)
    if variance is None:
        return DenoisingLoss(squared_error=squared_error, bound_bits=None, total=squared_error)
    x_t = diffusion.noised(x0, t, noise)
    # The bound teaches the variance only; the mean learns from the squared error.
    predicted_x0 = diffusion.predicted_x0(x_t, t, prediction.detach().float())
    bound_bits = variance_bound_bits(diffusion, predicted_x0, variance.float(), x0=x0, x_t=x_t, t=t)
    return DenoisingLoss(squared_error=squared_error, bound_bits=bound_bits, total=squared_error + bound_bits)


def variance_bound_bits(
    diffusion: DiscreteDiffusion,
    predicted_x0: Float[Tensor, "b *rest"],
    variance: Float[Tensor, "b *rest"],
    *,
    x0: Float[Tensor, "b *rest"],
    x_t: Float[Tensor, "b *rest"],
    t: Int[Tensor, " b"],
) -> Float[Tensor, " b"]:
    """One term of the variational bound, bits per number: KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)).

    At t = 0 it is 0, as in the reference, whose likelihood there is only for images (`discretized_t0`).
    Where the schedule starts with very little noise (cosine) and the network predicts x_0, early steps
    have huge terms that disturb all else: learn the variance with exp and x_0 or with cosine and eps, or
    not at all. Source: Ho et al. (2020), equation 5.
    """
    mean = diffusion.posterior_mean(predicted_x0, x_t, t)
    log_variance = diffusion.learned_log_variance(variance, t)
    true_mean = diffusion.posterior_mean(x0, x_t, t)
    true_log_variance = diffusion.learned_log_variance(-torch.ones_like(variance), t)
    kl = gaussian_kl_nats(true_mean, true_log_variance, mean, log_variance)
    return torch.where(t == 0, 0.0, mean_per_sample(kl)) / math.log(2)


def gaussian_kl_nats(
    mean_p: Float[Tensor, "*shape"],
    log_variance_p: Float[Tensor, "*shape"],
    mean_q: Float[Tensor, "*shape"],
    log_variance_q: Float[Tensor, "*shape"],
) -> Float[Tensor, "*shape"]:
    """KL(p || q) of normal distributions, number by number."""
    log_ratio = log_variance_q - log_variance_p
    distance = (mean_p - mean_q) ** 2 * torch.exp(-log_variance_q)
    return 0.5 * (log_ratio - 1 + torch.exp(-log_ratio) + distance)


def mean_per_sample(x: Float[Tensor, "b *rest"]) -> Float[Tensor, " b"]:
    return x.flatten(1).mean(dim=1)
