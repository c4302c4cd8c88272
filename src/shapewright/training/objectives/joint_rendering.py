"""Stage 3, fine-tuning: pictures of the field's surface against pictures of the asset.

Shapes: B assets, V views of H x W pixels.
Source: Shap-E, section 4.3; what the paper does not say is in docs/decisions/0004-three-stages.md.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shapewright.dataset.views import Views
from shapewright.errors import ConfigError
from shapewright.field import Field, FieldWeights
from shapewright.geometry.cameras import Camera
from shapewright.render import SurfaceViews, render_surface_views
from shapewright.training.objectives.encoder_inputs import some_of
from shapewright.training.objectives.tensor_batch import TensorBatch
from shapewright.training.objectives.term import DrawnAsset

__all__ = ["JointRendering", "JointRenderingConfig", "PictureBatch", "picture_losses"]


@dataclass(frozen=True, kw_only=True)
class JointRenderingConfig:
    """`views` pictures of an asset and step, of a surface from a grid of `resolution`^3 points.

    `shrink` makes of the data set's pictures ones whose pixels are the mean of shrink^2 of theirs.
    """

    views: int = 1
    resolution: int = 128
    shrink: int = 1
    coverage_weight: float = 1.0

    def __post_init__(self) -> None:
        if min(self.views, self.shrink) < 1:
            raise ConfigError(f"views and shrink must be at least 1, got {self.views} and {self.shrink}")


@dataclass(frozen=True, kw_only=True)
class PictureBatch(TensorBatch):
    """Pictures on black, sRGB in [0, 1], how much of each pixel the asset covers, and their cameras."""

    color: Float[Tensor, "b v h w 3"]
    coverage: Float[Tensor, "b v h w"]
    cameras: list[list[Camera]]


class JointRendering:
    """Asks a field for its surface and looks at that by some of an asset's cameras."""

    def __init__(self, config: JointRenderingConfig) -> None:
        self.config = config

    def example(self, asset: DrawnAsset, rng: np.random.Generator) -> PictureBatch:
        """Some of the asset's views."""
        views = some_of(asset.views(), self.config.views, rng)
        rgba = shrunk_on_black(views, self.config.shrink)
        return PictureBatch(
            color=torch.from_numpy(rgba[..., :3])[None],
            coverage=torch.from_numpy(rgba[..., 3])[None],
            cameras=[[camera.shrunk(self.config.shrink) for camera in views.cameras]],
        )

    def losses(self, field: Field, weights: FieldWeights, batch: PictureBatch) -> dict[str, Tensor]:
        each = [
            render_surface_views(
                field,
                [w[index : index + 1] for w in weights],
                cameras,
                resolution=self.config.resolution,
            )
            for index, cameras in enumerate(batch.cameras)
        ]
        return picture_losses(each, batch, self.config.coverage_weight)


def picture_losses(
    rendered: list[SurfaceViews], batch: PictureBatch, coverage_weight: float
) -> dict[str, Tensor]:
    """Squared error of colour (summed over its three channels) and of coverage, the mean over all pixels."""
    color = torch.stack([views.color for views in rendered]) - batch.color
    coverage = torch.stack([views.coverage for views in rendered]) - batch.coverage
    squared_color, squared_coverage = color.square().sum(dim=-1).mean(), coverage.square().mean()
    return {
        "loss": squared_color + coverage_weight * squared_coverage,
        "color": squared_color,
        "coverage": squared_coverage,
        "psnr_db": -10 * torch.log10((squared_color.detach() / 3).clamp(min=1e-10)),
    }


def shrunk_on_black(views: Views, factor: int) -> np.ndarray:
    """(V, H / factor, W / factor, 4) float32: colour multiplied by alpha, and alpha."""
    rgba = views.images.astype(np.float32) / 255
    rgba[..., :3] *= rgba[..., 3:]
    count, height, width, _ = rgba.shape
    blocks = rgba.reshape(count, height // factor, factor, width // factor, factor, 4)
    return blocks.mean(axis=(2, 4))
