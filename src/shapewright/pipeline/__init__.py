"""The public inference API: `Pipeline` makes `Asset`s, `PointEPipeline` point clouds; a model is a folder."""

from shapewright.pipeline.asset import Asset, RenderMode
from shapewright.pipeline.mesh_options import MeshOptions
from shapewright.pipeline.model_folder import Model, ModelConfig, load_model, read_config, save_model
from shapewright.pipeline.pipeline import Pipeline
from shapewright.pipeline.point_cloud_asset import PointCloudAsset
from shapewright.pipeline.pointe_folder import PointEConfig, PointEModel, load_points_model, save_points_model
from shapewright.pipeline.pointe_pipeline import PointEPipeline

__all__ = [
    "Asset",
    "MeshOptions",
    "Model",
    "ModelConfig",
    "Pipeline",
    "PointCloudAsset",
    "PointEConfig",
    "PointEModel",
    "PointEPipeline",
    "RenderMode",
    "load_model",
    "load_points_model",
    "read_config",
    "save_model",
    "save_points_model",
]
