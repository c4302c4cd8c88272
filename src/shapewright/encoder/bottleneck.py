"""The latent's bounds: tanh, and in training now and then diffusion noise."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.encoder.config import BottleneckConfig
from shapewright.nn import draws

__all__ = ["Bottleneck"]


class Bottleneck(nn.Module):
    """tanh(x); in training each asset's latent is, with the config's probability, noised at a random step.

    x_t = sqrt(alpha_bar) x + sqrt(1 - alpha_bar) noise, alpha_bar(t) = 1 - t^power, so that most draws
    are only slightly noised. Source: Shap-E, section 4.1.
    """

    def __init__(self, config: BottleneckConfig) -> None:
        super().__init__()
        self.config = config

    def forward(
        self, channels: Float[Tensor, "b t d"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "b t d"]:
        return self.noised(torch.tanh(channels), generator)

    def noised(
        self, latent: Float[Tensor, "b t d"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "b t d"]:
        """The latent, in training sometimes with noise on it."""
        if not self.training or self.config.noise_probability == 0:
            return latent
        shape, device = (latent.shape[0], 1, 1), latent.device
        step = draws.integers(self.config.timesteps, shape, generator, device)
        noised = draws.uniform(shape, generator, device) < self.config.noise_probability
        # the discrete table's entry i holds alpha_bar((i + 1) / T); an asset that is not noised keeps 1
        variance = ((step + 1) / self.config.timesteps) ** self.config.noise_power * noised
        noise = draws.normal(latent.shape, generator, device).to(latent.dtype)
        return torch.sqrt(1 - variance) * latent + torch.sqrt(variance) * noise
