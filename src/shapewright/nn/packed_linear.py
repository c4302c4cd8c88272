"""bf16 linear layers whose weights lie as the processor multiplies them. The plain twin is `nn.Linear`."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.nn.processor import has_bf16

__all__ = ["PackedLinear", "can_pack", "gelu_of"]

# What the layout is chosen for; other numbers of rows give the same results.
PACKED_ROWS = 2048


class PackedLinear(nn.Module):
    """A bf16 layer on a CPU, its weight in the layout that oneDNN multiplies from.

    A plain layer is brought into that layout at every call. Only for computing: not to be moved or saved.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        assert can_pack(layer)
        self.bias = nn.Parameter(layer.bias.detach(), requires_grad=False)
        self.packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), PACKED_ROWS)

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        return self.product(x, "none", "")

    def gelu(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        """gelu(self(x)), exact, while the sums are in the cache."""
        return self.product(x, "gelu", "none")

    def product(self, x: Float[Tensor, "*b i"], then: str, form: str) -> Float[Tensor, "*b o"]:
        x = x.to(self.bias.dtype)
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, then, [], form)


def can_pack(layer: nn.Linear) -> bool:
    """Whether there is such a layout for this layer here; torch has no public name for it."""
    operators = ("_linear_pointwise", "_reorder_linear_weight")
    there = torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, o) for o in operators)
    weight = layer.weight
    return there and has_bf16() and weight.device.type == "cpu" and weight.dtype == torch.bfloat16


def gelu_of(layer: nn.Module, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
    """gelu(layer(x)), in one pass where the layer can."""
    return layer.gelu(x) if isinstance(layer, PackedLinear) else F.gelu(layer(x))
