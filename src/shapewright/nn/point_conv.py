"""Point set embedding: neighbourhoods of a point cloud as tokens.

Shapes: B clouds, N points, C centres, K neighbours, F features.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.errors import ConfigError

__all__ = ["PointConvConfig", "PointSetEmbedding", "ball_query", "gather_points"]


@dataclass(frozen=True, kw_only=True)
class PointConvConfig:
    """Defaults are the published sizes."""

    centers: int = 1024
    neighbors: int = 64
    radius: float = 0.5
    hidden: tuple[int, ...] = (1024, 1024)
    kernel: int = 8
    stride: int = 4

    def __post_init__(self) -> None:
        if self.kernel > 2 * self.neighbors:
            raise ConfigError(f"a kernel of {self.kernel} does not fit {self.neighbors} neighbours")


def ball_query(
    points: Float[Tensor, "b n 3"], centers: Float[Tensor, "b c 3"], radius: float, count: int
) -> Int[Tensor, "b c k"]:
    """The first `count` points, in index order, within `radius` of each centre.

    Where there are fewer, the first one is repeated; a centre is always its own neighbour when it is
    one of the points. Source: PointNet++, section 3.3, in the reference's order.
    """
    n = points.shape[1]
    # exact differences: the expanded product of cdist loses the digits that decide who is inside
    outside = torch.cdist(centers, points, compute_mode="donot_use_mm_for_euclid_dist") > radius
    index = torch.arange(n, device=points.device).expand(outside.shape)
    first = index.masked_fill(outside, n).topk(min(count, n), dim=-1, largest=False, sorted=True).values
    first = F.pad(first, (0, count - first.shape[-1]), value=n)
    return torch.where(first == n, first[..., :1], first)


def gather_points(values: Float[Tensor, "b n f"], index: Int[Tensor, "b c k"]) -> Float[Tensor, "b c k f"]:
    """values[b, index[b, c, k]]."""
    batch = torch.arange(values.shape[0], device=values.device)[:, None, None]
    return values[batch, index]


class PointSetEmbedding(nn.Module):
    """Convolutions over each centre's neighbours, circularly padded, then their mean.

    The centres are the first points of the cloud, which come in farthest-point order. Neighbours stand
    in index order (the reference shuffles them), so the embedding is a function of the cloud alone.
    Source: Shap-E, appendix A.1; Point-E's released code.
    """

    def __init__(self, config: PointConvConfig, input_channels: int, output_channels: int) -> None:
        super().__init__()
        self.config = config
        widths = [3 + input_channels, *config.hidden]
        self.convs = nn.ModuleList(nn.Conv1d(i, o, config.kernel) for i, o in pairwise(widths))
        # the published convolutions end at the width of the tokens and need no projection
        narrower = config.hidden[-1] != output_channels
        self.output_proj = nn.Linear(config.hidden[-1], output_channels) if narrower else nn.Identity()

    def neighbors(self, xyz: Float[Tensor, "b n 3"]) -> Int[Tensor, "b c k"]:
        """Indices of each centre's neighbours."""
        centers = xyz[:, : self.config.centers]
        return ball_query(xyz, centers, self.config.radius, self.config.neighbors)

    def forward(
        self, offsets: Float[Tensor, "b c k 3"], features: Float[Tensor, "b c k f"]
    ) -> Float[Tensor, "b c o"]:
        """One token per centre, from its neighbours' offsets to it and their features."""
        h = torch.cat([offsets.to(features.dtype), features], dim=-1)
        for conv in self.convs:
            h = F.silu(self.convolve(conv, h))
        return self.output_proj(h.mean(dim=2))

    def convolve(self, conv: nn.Module, h: Float[Tensor, "b c k f"]) -> Float[Tensor, "b c j o"]:
        assert isinstance(conv, nn.Conv1d)
        kernel, stride, length = self.config.kernel, self.config.stride, h.shape[2]
        if kernel == stride == 1:
            return F.linear(h, conv.weight[:, :, 0], conv.bias)
        outputs = (length + 2 * (kernel // 2) - kernel) // stride + 1
        starts = torch.arange(outputs, device=h.device) * stride - kernel // 2
        windows = (starts[:, None] + torch.arange(kernel, device=h.device)) % length
        # weight (o, f, kernel) -> rows over (kernel, f), matching the flattened windows
        weight = conv.weight.permute(0, 2, 1).flatten(1)
        return F.linear(h[:, :, windows].flatten(-2), weight, conv.bias)
