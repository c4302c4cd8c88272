"""What a run begins with: random weights, or a model that was trained before."""

from pathlib import Path

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.errors import ModelError
from shapewright.pipeline import load_model

__all__ = ["begin_autoencoder", "model_folder"]


def model_folder(place: Path) -> Path:
    """A run's model, or the folder itself where it is a model."""
    return place / "model" if (place / "model").is_dir() else place


def begin_autoencoder(
    config: AutoencoderConfig, start: Path | None, *, seed: int
) -> tuple[Autoencoder, dict[str, str]]:
    """A new autoencoder of these sizes, or the one in `start` (a run or model folder) with its own sizes.

    Also returns the hash of what was started from, as an input of the run.
    Raises: ModelError if there is no model, or one that can only decode.
    """
    torch.manual_seed(seed)
    if start is None:
        return Autoencoder(config), {}
    found = load_model(model_folder(start))
    if found.autoencoder.encoder is None:
        raise ModelError(f"The model in {start} has no encoder to start from.")
    found.autoencoder.requires_grad_(True)  # loaded models are for use
    return found.autoencoder, {"start": found.sha256}
