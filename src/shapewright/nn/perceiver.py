"""A Perceiver: few latent tokens that look at much data, then at each other."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from shapewright.nn.transformer import CrossAttentionBlock, Transformer, initialise_linears

__all__ = ["Perceiver"]


class Perceiver(nn.Module):
    """Cross-attention to each data set in turn, then self-attention; `rounds` times over.

    The published encoder is one round of two data sets (points, view patches) and eleven
    self-attention layers. Source: Shap-E, section 4.1.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        datasets: int,
        self_layers: int,
        rounds: int = 1,
        init_scale: float = 0.25,
    ) -> None:
        super().__init__()
        self.datasets = datasets
        self.cross = nn.ModuleList(CrossAttentionBlock(width, heads) for _ in range(datasets * rounds))
        initialise_linears(self.cross, std=init_scale / width**0.5)
        shares = [self_layers // rounds + (r < self_layers % rounds) for r in range(rounds)]
        self.processors = nn.ModuleList(
            Transformer(width, layers, heads, init_scale=init_scale) for layers in shares
        )

    def forward(
        self, x: Float[Tensor, "b l w"], data: Sequence[Float[Tensor, "b _ w"]]
    ) -> Float[Tensor, "b l w"]:
        assert len(data) == self.datasets
        for index, processor in enumerate(self.processors):
            for offset, seen in enumerate(data):
                x = self.cross[index * self.datasets + offset](x, seen)
            x = processor(x)
        return x
