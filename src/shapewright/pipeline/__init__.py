"""The public inference API: `Pipeline` makes `Asset`s; a model is a folder."""

from shapewright.pipeline.asset import Asset, RenderMode
from shapewright.pipeline.model_folder import Model, ModelConfig, load_model, read_config, save_model
from shapewright.pipeline.pipeline import Pipeline

__all__ = [
    "Asset",
    "Model",
    "ModelConfig",
    "Pipeline",
    "RenderMode",
    "load_model",
    "read_config",
    "save_model",
]
