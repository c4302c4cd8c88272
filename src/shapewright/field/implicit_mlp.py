"""The coordinate network that is the asset: NeRF and signed texture field in one MLP (NeRSTF).

Shapes: B assets, N points, W hidden width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.field.config import FIELD_OUTPUTS, FieldConfig
from shapewright.nn.positional_encoding import encode_positions, encoded_width

__all__ = ["FieldOutput", "ImplicitMLP"]

# SiLU passes on a bit more than half of its input's spread.
SHARED_GAIN = 1.6


@dataclass(frozen=True, kw_only=True)
class FieldOutput:
    """The twelve numbers of every queried point, before (`raw`) and after their activations."""

    raw: Float[Tensor, "b n 12"]

    @property
    def signed_distance(self) -> Float[Tensor, "b n"]:
        """In (-1, 1), positive inside; in units of the truncation distance where the field has one."""
        return torch.tanh(self.raw[..., 0])

    @property
    def density_coarse(self) -> Float[Tensor, "b n"]:
        """Per unit of length, not negative."""
        return F.relu(self.raw[..., 1])

    @property
    def density_fine(self) -> Float[Tensor, "b n"]:
        """Per unit of length, not negative."""
        return F.relu(self.raw[..., 2])

    @property
    def stf_color(self) -> Float[Tensor, "b n 3"]:
        """Surface colour without light, sRGB in (0, 1)."""
        return torch.sigmoid(self.raw[..., 3:6])

    @property
    def color_coarse(self) -> Float[Tensor, "b n 3"]:
        """Emitted colour of the coarse NeRF, sRGB in (0, 1)."""
        return torch.sigmoid(self.raw[..., 6:9])

    @property
    def color_fine(self) -> Float[Tensor, "b n 3"]:
        """Emitted colour of the fine NeRF, sRGB in (0, 1)."""
        return torch.sigmoid(self.raw[..., 9:12])


class ImplicitMLP(nn.Module):
    """Layers 0 .. generated_layers-1 take their weights (not biases) per asset; the rest are shared.

    Source: Shap-E, section 4.2 and appendix A.
    """

    output_scale: Float[Tensor, " 12"]

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.input_widths
        outputs = [config.hidden_width] * config.hidden_layers + [FIELD_OUTPUTS]
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(n)) for n in outputs[: config.generated_layers]
        )
        self.shared = nn.ModuleList(
            nn.Linear(i, o)
            for i, o in zip(
                widths[config.generated_layers :], outputs[config.generated_layers :], strict=True
            )
        )
        scale = torch.ones(FIELD_OUTPUTS, device="cpu")  # also in a network built without weights
        scale[1:3] = config.density_scale
        self.register_buffer("output_scale", scale, persistent=False)
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Weights that keep the signal's size through the layers, and the config's first outputs."""
        for layer in self.linears():
            nn.init.normal_(layer.weight, std=SHARED_GAIN / layer.in_features**0.5)
            nn.init.zeros_(layer.bias)
        output = self.linears()[-1]
        output.bias[0] = self.config.initial_signed_distance_bias
        output.bias[1:3] = self.config.initial_density_bias

    def linears(self) -> list[nn.Linear]:
        """The layers whose weights all assets share."""
        return [layer for layer in self.shared if isinstance(layer, nn.Linear)]

    def forward(
        self,
        weights: list[Float[Tensor, "b _ _"]],
        positions: Float[Tensor, "b n 3"],
        directions: Float[Tensor, "b n 3"] | None = None,
    ) -> FieldOutput:
        """Query `positions` in [-1, 1]^3, seen along unit `directions` (none: zeros in their place)."""
        # Encoded in the precision of the positions: the high octaves need it.
        h = encode_positions(positions, self.config.position_octaves).to(weights[0].dtype)
        layers = len(weights) + len(self.shared)
        for index in range(layers):
            if index == self.config.direction_layer and self.config.direction_octaves is not None:
                h = torch.cat([h, self.encode_directions(h, directions)], dim=-1)
            h = self.layer(index, h, weights)
            if index < layers - 1:
                h = F.silu(h)
        return FieldOutput(raw=h.float() * self.output_scale)

    def layer(self, index: int, h: Float[Tensor, "b n i"], weights: list[Tensor]) -> Float[Tensor, "b n o"]:
        if index < len(weights):
            return torch.baddbmm(self.biases[index], h, weights[index].transpose(1, 2))
        return self.shared[index - len(weights)](h)

    def layers_of_one(self, weights: list[Tensor]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Matrices and biases of all layers of the one asset, fp32, without the columns of directions."""
        linears = self.linears()
        matrices = [weight[0] for weight in weights] + [layer.weight for layer in linears]
        biases = list(self.biases) + [layer.bias for layer in linears]
        if self.config.direction_octaves is not None:
            index = self.config.direction_layer
            matrices[index] = matrices[index][:, : self.config.hidden_width]
        return tuple(m.float().contiguous() for m in matrices), tuple(b.float() for b in biases)

    def encode_directions(self, h: Tensor, directions: Tensor | None) -> Float[Tensor, "b n e"]:
        octaves = self.config.direction_octaves
        assert octaves is not None
        if directions is None:
            return h.new_zeros(*h.shape[:2], encoded_width(3, octaves))
        return encode_positions(directions, octaves).to(h.dtype)
