"""Shapewright: text to textured 3D, an asset to a latent, and the training that makes such models.

The pipelines and assets are imported when they are first asked for, so that the command line starts quickly.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapewright.pipeline import Asset, Pipeline, PointCloudAsset, PointEPipeline

__all__ = ["Asset", "Pipeline", "PointCloudAsset", "PointEPipeline"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:
        from shapewright import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'shapewright' has no attribute '{name}'")
