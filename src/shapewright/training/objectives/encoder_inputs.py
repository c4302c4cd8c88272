"""What the encoder sees of an asset in training: a random part of its points, some of its views.

Shapes: B assets, N points, V views of H x W pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.encoder import EncoderConfig, ViewBatch
from shapewright.errors import ConfigError
from shapewright.pipeline.asset_input import view_batch
from shapewright.training.objectives.tensor_batch import TensorBatch
from shapewright.training.objectives.term import DrawnAsset

__all__ = ["EncoderInputConfig", "EncoderInputs", "InputBatch"]


@dataclass(frozen=True, kw_only=True)
class EncoderInputConfig:
    """Defaults are published. Only the branches that the model has are fed.

    `point_noise` is the spread, in world units, of what is added to the points' positions.
    """

    points: int = 16_384
    views: int = 20
    point_noise: float = 0.0

    def __post_init__(self) -> None:
        if self.points < 1 or self.views < 1:
            raise ConfigError(f"points and views must be at least 1, got {self.points} and {self.views}")


@dataclass(frozen=True, kw_only=True)
class InputBatch(TensorBatch):
    """Points and views of every asset; None where the model has no such branch."""

    points: Float[Tensor, "b n 6"] | None
    rgb: Float[Tensor, "b v h w 3"] | None = None
    alpha: Float[Tensor, "b v h w"] | None = None
    origins: Float[Tensor, "b v 3"] | None = None
    positions: Float[Tensor, "b v h w 3"] | None = None

    @property
    def views(self) -> ViewBatch | None:
        """As the encoder takes them."""
        if self.rgb is None or self.alpha is None or self.origins is None or self.positions is None:
            return None
        return ViewBatch(rgb=self.rgb, alpha=self.alpha, origins=self.origins, positions=self.positions)


class EncoderInputs:
    """Draws the inputs of one asset at a time."""

    def __init__(self, config: EncoderInputConfig, encoder: EncoderConfig) -> None:
        self.config = config
        self.centers = None if encoder.points is None else encoder.points.conv.centers
        self.sees_views = encoder.views is not None

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> InputBatch:
        """A batch of one."""
        points = None if self.centers is None else self.points(asset.record, self.centers, rng)
        if not self.sees_views:
            return InputBatch(points=points)
        seen = view_batch(some_of(asset.views(), self.config.views, rng))
        return InputBatch(
            points=points, rgb=seen.rgb, alpha=seen.alpha, origins=seen.origins, positions=seen.positions
        )

    def points(self, record: AssetRecord, centers: int, rng: np.random.Generator) -> Float[Tensor, "1 n 6"]:
        """The neighbourhoods' centres and a random part of the other points, in the record's order.

        The record's order is farthest points first, so its beginning is spread over the whole surface,
        as the centres must be; a random part of the rest stays as even as the whole.
        """
        first = min(centers, self.config.points)
        others = rng.permutation(len(record.points) - first)[: self.config.points - first]
        rows = np.concatenate([np.arange(first), first + np.sort(others)])
        cloud = record.points[rows].astype(np.float32)
        if self.config.point_noise:
            cloud[:, :3] += rng.normal(0, self.config.point_noise, (len(cloud), 3)).astype(np.float32)
        return torch.from_numpy(cloud)[None]


def some_of(views: Views, count: int, rng: np.random.Generator) -> Views:
    """`count` different views, drawn at random."""
    return views.chosen(rng.permutation(len(views.cameras))[:count])
