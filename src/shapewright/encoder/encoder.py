"""Points and views to latent, deterministically.

Shapes: B assets, N points, T latent tokens, D latent channels, W width.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from shapewright.encoder.bottleneck import Bottleneck
from shapewright.encoder.config import EncoderConfig, PointBranchConfig
from shapewright.encoder.views import ViewBatch, ViewEmbedding
from shapewright.errors import ConfigError
from shapewright.nn.perceiver import Perceiver
from shapewright.nn.point_conv import PointSetEmbedding, gather_points
from shapewright.nn.positional_encoding import encode_positions, encoded_width
from shapewright.nn.transformer import initialise_linears

__all__ = ["Encoder", "PointBranch"]

POINT_CHANNELS = 6


class PointBranch(nn.Module):
    """A coloured point cloud as features of every point and tokens of its neighbourhoods."""

    def __init__(self, config: PointBranchConfig, width: int) -> None:
        super().__init__()
        self.config = config
        channels = config.channels or width
        self.input_proj = nn.Linear(encoded_width(POINT_CHANNELS, config.octaves), channels)
        self.conv = PointSetEmbedding(config.conv, channels, width)

    def forward(
        self, points: Float[Tensor, "b n 6"], neighbors: Int[Tensor, "b c k"] | None = None
    ) -> tuple[Float[Tensor, "b n f"] | None, Float[Tensor, "b c w"]]:
        """(features of every point, unless only centres are attended to; tokens of the centres)."""
        if neighbors is None:
            neighbors = self.conv.neighbors(points[..., :3])
        near = gather_points(points, neighbors)
        offsets = near[..., :3] - points[:, : near.shape[1], None, :3]
        if self.config.attend_to_centers:
            # few neighbours: cheaper to project them than to project every point and gather
            return None, self.conv(offsets, self.features(near))
        features = self.features(points)
        return features, self.conv(offsets, gather_points(features, neighbors))

    def features(self, points: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b f"]:
        return self.input_proj(encode_positions(points, self.config.octaves))


class Encoder(nn.Module):
    """The paper's transformer encoder; either branch may be switched off by the config.

    Source: Shap-E, section 4.1 and appendix A.1.
    """

    def __init__(self, config: EncoderConfig, *, latent_tokens: int, latent_channels: int) -> None:
        super().__init__()
        self.config = config
        points, views = config.points, config.views
        if (
            points is not None
            and not points.attend_to_centers
            and points.channels not in (None, config.width)
        ):
            raise ConfigError("points that are attended to must have the encoder's width")
        self.output_tokens = nn.Parameter(torch.randn(latent_tokens, config.width))
        self.points = PointBranch(points, config.width) if points else None
        self.views = ViewEmbedding(views, config.width) if views else None
        self.ln_pre = nn.LayerNorm(config.width)
        self.perceiver = Perceiver(
            config.width,
            config.heads,
            datasets=(points is not None) + (views is not None),
            self_layers=config.self_layers,
            rounds=config.rounds,
            init_scale=config.init_scale,
        )
        self.ln_post = nn.LayerNorm(config.width)
        self.output_proj = nn.Linear(config.width, latent_channels)
        initialise_linears(self.output_proj, std=0.3 / config.width**0.5)
        self.bottleneck = Bottleneck(config.bottleneck)

    def channels(
        self,
        points: Float[Tensor, "b n 6"] | None = None,
        views: ViewBatch | None = None,
        neighbors: Int[Tensor, "b c k"] | None = None,
    ) -> Float[Tensor, "b t d"]:
        """The latent before its bottleneck.

        points: xyz in [-1,1] and sRGB in [0,1], in farthest-point order. `neighbors` (indices into the
        points, as `ball_query` gives them) saves their search where they are known.
        """
        data: list[Tensor] = []
        tokens: list[Tensor] = []
        if self.points is not None:
            assert points is not None
            features, centers = self.points(points, neighbors)
            data.append(centers if features is None else features)
            tokens += [centers] if self.config.process_centers else []
        if self.views is not None:
            assert views is not None
            data.append(self.views(views))
        batch = data[0].shape[0]
        tokens.append(self.output_tokens.expand(batch, -1, -1).to(data[0].dtype))
        h = self.perceiver(self.ln_pre(torch.cat(tokens, dim=1)), data)
        return self.output_proj(self.ln_post(h[:, -self.output_tokens.shape[0] :])).float()

    def forward(
        self,
        points: Float[Tensor, "b n 6"] | None = None,
        views: ViewBatch | None = None,
        *,
        neighbors: Int[Tensor, "b c k"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "b t d"]:
        """The latent; in training sometimes noised (see Bottleneck), with draws from `generator`."""
        return self.bottleneck(self.channels(points, views, neighbors), generator)
