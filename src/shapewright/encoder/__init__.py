"""An asset's points and views to its latent."""

from shapewright.encoder.config import BottleneckConfig, EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.encoder.encoder import Encoder
from shapewright.encoder.views import ViewBatch

__all__ = [
    "BottleneckConfig",
    "Encoder",
    "EncoderConfig",
    "PointBranchConfig",
    "ViewBatch",
    "ViewBranchConfig",
]
