"""The network that sees a point cloud and tells the signed distance of any position.

Shapes: B clouds, N points of each, Q positions asked for, W width.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from shapewright.errors import ConfigError
from shapewright.nn.transformer import CrossAttentionBlock, Transformer, initialise_linears

__all__ = ["PointCloudSdf", "SdfConfig"]

# Products of very few rows take kernels of their own, which round differently (see prior.prior).
MIN_QUERIES = 16


@dataclass(frozen=True, kw_only=True)
class SdfConfig:
    """Defaults are the published sizes. `points` is how many it was trained to see; any number is taken."""

    points: int = 4096
    width: int = 256
    encoder_layers: int = 8
    encoder_heads: int = 4
    decoder_layers: int = 4
    decoder_heads: int = 4
    init_scale: float = 0.25

    def __post_init__(self) -> None:
        for name in ("points", "width", "encoder_layers", "encoder_heads", "decoder_layers", "decoder_heads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"the SDF model's {name} must be positive, got {getattr(self, name)}")
        if self.width % self.encoder_heads or self.width % self.decoder_heads:
            raise ConfigError(
                f"SDF model width {self.width} must be a multiple of its "
                f"{self.encoder_heads} and {self.decoder_heads} heads"
            )


class CrossTransformer(nn.Module):
    """Cross-attention blocks only: what is asked for never sees what else is asked for."""

    def __init__(self, width: int, layers: int, heads: int, *, init_scale: float) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(CrossAttentionBlock(width, heads) for _ in range(layers))
        initialise_linears(self, std=init_scale / width**0.5)

    def forward(self, x: Float[Tensor, "b q w"], data: Float[Tensor, "b n w"]) -> Float[Tensor, "b q w"]:
        for block in self.resblocks:
            x = block(x, data)
        return x


class PointCloudSdf(nn.Module):
    """Positive is inside. The number is not squashed. Parameters carry the published names.

    The sign is the reference's: the triangles that it makes of its grid face outwards with it, and inwards
    with the other. Source: Point-E, section 4.4; NUMERICS "Point-E, the rest".
    """

    def __init__(self, config: SdfConfig) -> None:
        super().__init__()
        self.config = config
        width, scale = config.width, config.init_scale
        self.encoder_input_proj = nn.Linear(3, width)
        self.encoder = Transformer(width, config.encoder_layers, config.encoder_heads, init_scale=scale)
        self.decoder_input_proj = nn.Linear(3, width)
        self.decoder = CrossTransformer(width, config.decoder_layers, config.decoder_heads, init_scale=scale)
        self.ln_post = nn.LayerNorm(width)
        self.output_proj = nn.Linear(width, 1)

    def encode(self, positions: Float[Tensor, "b n 3"]) -> Float[Tensor, "b n w"]:
        """What the queries look at; once per cloud."""
        return self.encoder(self.encoder_input_proj(positions))

    def query(self, encoded: Float[Tensor, "b n w"], queries: Float[Tensor, "b q 3"]) -> Float[Tensor, "b q"]:
        """Signed distances at positions, each independent of the others."""
        missing = max(MIN_QUERIES - queries.shape[1], 0)
        h = self.decoder(self.decoder_input_proj(F.pad(queries, (0, 0, 0, missing))), encoded)
        return self.output_proj(self.ln_post(h))[:, : queries.shape[1], 0]

    def forward(
        self, positions: Float[Tensor, "b n 3"], queries: Float[Tensor, "b q 3"]
    ) -> Float[Tensor, "b q"]:
        """Both at once, as in training."""
        return self.query(self.encode(positions), queries)

    @property
    def device(self) -> torch.device:
        return self.output_proj.weight.device
