"""The denoiser of point clouds: the prior's network over points."""

from jaxtyping import Float
from torch import Tensor

from shapewright.pointe.config import StageConfig
from shapewright.prior import Prior

__all__ = ["PointPrior"]


class PointPrior(Prior):
    """A base model, or an upsampler if it has low-resolution points. Source: Point-E, sections 4.2, 4.3."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage.prior)
        self.stage = stage

    def scale(self, points: Float[Tensor, "*b k c"]) -> Float[Tensor, "*b k c"]:
        """Points as the diffusion sees them: what it is trained on."""
        return points if self.stage.scaling is None else self.stage.scaling.scale(points)

    def restore(self, scaled: Float[Tensor, "*b k c"]) -> Float[Tensor, "*b k c"]:
        """The inverse of `scale`: what a sample stands for."""
        return scaled if self.stage.scaling is None else self.stage.scaling.restore(scaled)
