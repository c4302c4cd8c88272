"""Asset to latent to field: the encoder and the implicit network it writes the weights of."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapewright.encoder import Encoder, EncoderConfig, ViewBatch
from shapewright.errors import ModelError
from shapewright.field import Field, FieldConfig, FieldWeights

__all__ = ["Autoencoder", "AutoencoderConfig"]


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Defaults are the published sizes. Without an encoder (a published decoder) it can only decode."""

    encoder: EncoderConfig | None = dataclasses.field(default_factory=EncoderConfig)
    field: FieldConfig = dataclasses.field(default_factory=FieldConfig)


class Autoencoder(nn.Module):
    """Points and views to a latent; a latent to a field that NeRF and mesh renderers query.

    Source: Shap-E, section 4.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.field = Field(config.field)
        self.encoder = None
        if config.encoder is not None:
            self.encoder = Encoder(
                config.encoder,
                latent_tokens=config.field.latent_tokens,
                latent_channels=config.field.latent_channels,
            )

    def encode(
        self,
        points: Float[Tensor, "b n 6"] | None = None,
        views: ViewBatch | None = None,
        *,
        neighbors: Int[Tensor, "b c k"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b t d"]:
        """Latents in (-1, 1), one token per group of weight rows.

        Raises: ModelError for a model that is only a decoder.
        """
        if self.encoder is None:
            raise ModelError("This model has no encoder: it makes assets of latents, not latents of assets.")
        return self.encoder(points, views, neighbors=neighbors, generator=generator)

    def forward(
        self,
        points: Float[Tensor, "b n 6"] | None,
        asked: Float[Tensor, "b q 3"] | Callable[[Field, FieldWeights], Any],
        *,
        views: ViewBatch | None = None,
        neighbors: Int[Tensor, "b c k"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Any:
        """Encode the assets, write their fields and ask them: one call for training.

        asked: queries, answered with a FieldOutput, or a function of the field and the assets' weights,
        whose answer is returned. What wraps a model to train it on several devices wraps this method, so
        all that needs gradients happens in it.
        """
        latent = self.encode(points, views, neighbors=neighbors, generator=generator)
        weights = self.field.weights(latent)
        return self.field.query(weights, asked) if isinstance(asked, Tensor) else asked(self.field, weights)
