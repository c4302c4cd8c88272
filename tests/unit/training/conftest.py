"""A data set of prisms, its latents by a random encoder, and CLIP's small random towers."""

from pathlib import Path

import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.pipeline import Model, ModelConfig
from shapewright.training.recipes.encoder import tiny
from tiny_clip import save_clip
from tiny_dataset import build_prisms
from tiny_models import saved


@pytest.fixture(scope="session")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_prisms(tmp_path_factory.mktemp("prisms"))


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return folder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The tiny recipe's autoencoder with random weights, in a model folder."""
    torch.manual_seed(0)
    config = ModelConfig(name="random", autoencoder=tiny().model, points=200)
    model = Model(config=config, autoencoder=Autoencoder(tiny().model))
    return saved(model, tmp_path_factory.mktemp("encoder") / "model")
