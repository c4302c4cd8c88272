"""A latent as a function of space: density, signed distance and colour at any point."""

from jaxtyping import Float
from torch import Tensor, nn

from shapewright.field.config import FieldConfig
from shapewright.field.implicit_mlp import FieldOutput, ImplicitMLP
from shapewright.field.latent_to_weights import LatentToWeights

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
