"""A latent as a function of space: density, signed distance and colour at any point."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from shapewright.field.config import FieldConfig
from shapewright.field.implicit_mlp import FieldOutput, ImplicitMLP
from shapewright.field.latent_to_weights import LatentToWeights
from shapewright.field.prepared import PreparedField, fast_dtype

__all__ = ["Field", "FieldWeights"]

FieldWeights = list[Tensor]
"""The generated weight matrices of a batch of assets, (B, rows, channels) each."""


class Field(nn.Module):
    """`weights` once per asset, `query` as often as wanted. Source: Shap-E, section 4.2."""

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_to_weights = LatentToWeights(config)
        self.mlp = ImplicitMLP(config)

    def weights(self, latent: Float[Tensor, "b t d"]) -> FieldWeights:
        """The weight matrices that the latents stand for."""
        return self.latent_to_weights(latent)

    def query(
        self,
        weights: FieldWeights,
        positions: Float[Tensor, "b n 3"],
        directions: Float[Tensor, "b n 3"] | None = None,
    ) -> FieldOutput:
        """The field at `positions` in [-1, 1]^3, seen along unit `directions` if given."""
        return self.mlp(weights, positions, directions)

    @torch.no_grad()
    def prepared(self, weights: FieldWeights, dtype: torch.dtype | None = None) -> PreparedField:
        """One asset (weights of a batch of 1) made ready for many queries without directions or gradients.

        dtype: of the hidden layers; None for the fastest here.
        """
        assert all(w.shape[0] == 1 for w in weights), "one asset at a time"
        matrices, biases = self.mlp.layers_of_one(weights)
        dtype = dtype or fast_dtype(weights[0].device)
        hidden = zip(matrices[1:-1], biases[1:-1], strict=True)
        return PreparedField(
            octaves=self.config.position_octaves,
            weight=matrices,
            bias=biases,
            hidden=tuple((weight.to(dtype), bias.to(dtype)) for weight, bias in hidden),
            output_scale=self.mlp.output_scale,
            dtype=dtype,
        )
