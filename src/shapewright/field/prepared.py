"""One asset's network made ready for many queries: first layer by axes, hidden layers in half precision.

Position encoding treats every axis by itself, so the first layer is a sum a(x) + b(y) + c(z). On a grid each
term is a small table, and a node's first layer is three rows added. `Field.query` is the plain twin.

Shapes: N points, W hidden width, O outputs, S steps along an axis.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from shapewright.field.config import FIELD_OUTPUTS
from shapewright.nn.positional_encoding import encode_positions
from shapewright.nn.processor import has_bf16

__all__ = ["AxisTables", "PreparedField", "fast_dtype"]

# So many points are in the network at once: their activations stay in a core's own cache.
CPU_POINTS_AT_ONCE = 2048
POINTS_AT_ONCE = 1 << 18

AxisTables = Float[Tensor, "3 s w"]
"""What each coordinate of each axis adds to the first layer; the bias is in the first axis's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedField:
    """The field without directions, of one asset.

    `weight` and `bias` are those of all layers, fp32. The first and the last layer are computed in fp32, the
    hidden ones in `dtype`.
    """

    octaves: int
    weight: tuple[Float[Tensor, "_ _"], ...]
    bias: tuple[Float[Tensor, "_"], ...]
    hidden: tuple[tuple[Tensor, Tensor], ...]
    output_scale: Float[Tensor, "12"]
    dtype: torch.dtype

    def tables(self, coordinates: Float[Tensor, "s"]) -> AxisTables:
        """For grids whose nodes have these `coordinates` on all three axes."""
        encoded = encode_positions(coordinates[:, None], self.octaves)
        first = torch.stack([encoded @ self.weight[0][:, axis::3].T for axis in range(3)])
        first[0] += self.bias[0]
        return first

    def at_nodes(
        self, tables: AxisTables, nodes: Int[Tensor, "n 3"], outputs: slice = slice(None)
    ) -> Float[Tensor, "n o"]:
        """The raw `outputs` (see `FieldOutput`) at the nodes with these indices into the tables."""
        parts = nodes.split(self.points_at_once)
        return self.joined([self.after_first(sum_of_rows(tables, part), outputs) for part in parts], outputs)

    def at(self, positions: Float[Tensor, "n 3"], outputs: slice = slice(None)) -> Float[Tensor, "n o"]:
        """The raw `outputs` anywhere."""
        parts = positions.split(self.points_at_once)
        return self.joined([self.after_first(self.first(part), outputs) for part in parts], outputs)

    @property
    def points_at_once(self) -> int:
        return CPU_POINTS_AT_ONCE if self.bias[0].device.type == "cpu" else POINTS_AT_ONCE

    def first(self, positions: Float[Tensor, "n 3"]) -> Float[Tensor, "n w"]:
        return F.linear(encode_positions(positions, self.octaves), self.weight[0], self.bias[0])

    def after_first(self, h: Float[Tensor, "n w"], outputs: slice) -> Float[Tensor, "n o"]:
        """From the first layer's sums, which are overwritten, to raw outputs."""
        h = F.silu(h.to(self.dtype), inplace=True)
        for weight, bias in self.hidden:
            h = F.silu(F.linear(h, weight, bias), inplace=True)
        raw = F.linear(h.float(), self.weight[-1][outputs], self.bias[-1][outputs])
        return raw.mul_(self.output_scale[outputs])

    def joined(self, parts: list[Tensor], outputs: slice) -> Float[Tensor, "n o"]:
        if parts:
            return torch.cat(parts)
        return self.bias[0].new_zeros(0, len(range(FIELD_OUTPUTS)[outputs]))


def sum_of_rows(tables: AxisTables, nodes: Int[Tensor, "n 3"]) -> Float[Tensor, "n w"]:
    x, y, z = (tables[axis].index_select(0, nodes[:, axis]) for axis in range(3))
    return x.add_(y).add_(z)


def fast_dtype(device: torch.device) -> torch.dtype:
    """Half precision where the device computes in it, else fp32."""
    if device.type == "cpu":
        return torch.bfloat16 if has_bf16() else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.float16
