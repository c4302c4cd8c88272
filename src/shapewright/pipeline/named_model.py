"""Models by name, whatever their form: a named model, a model folder, or one in the layout of diffusers."""

from pathlib import Path

import torch

from shapewright.models import locate
from shapewright.pipeline.diffusers_folder import (
    config_from_diffusers,
    is_diffusers_folder,
    model_from_diffusers,
)
from shapewright.pipeline.model_folder import Model, ModelConfig, load_model, read_config
from shapewright.prior.precision import lower

__all__ = ["config_of", "model_of"]


def config_of(name: str | Path) -> ModelConfig:
    """What the model is, without its weights. Raises: ModelError, ConfigError."""
    if is_diffusers_folder(Path(name)):
        return config_from_diffusers(Path(name))
    return read_config(locate(name))


def model_of(name: str | Path, *, precision: torch.dtype = torch.float32, with_encoder: bool = True) -> Model:
    """The model, ready for inference, on the CPU; for the options see `load_model`.

    Raises: ModelError, ConfigError.
    """
    if not is_diffusers_folder(Path(name)):
        return load_model(locate(name), precision=precision, with_encoder=with_encoder)
    model = model_from_diffusers(Path(name))
    if model.prior is not None and precision != torch.float32:
        lower(model.prior, precision)
    return model
