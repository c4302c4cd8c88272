"""What a run begins with: random weights, or a model that was trained before."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.encoder import EncoderConfig
from shapewright.errors import ModelError
from shapewright.nn.transformer import SelfAttentionBlock
from shapewright.pipeline import Model, load_model
from shapewright.pipeline.named_model import model_of

__all__ = ["begin_autoencoder", "begin_encoder", "begin_field", "model_folder"]


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


def begin_encoder(config: EncoderConfig, start: Path, *, seed: int) -> Model:
    """The model in `start` (a run, a model folder or a model's name), its field frozen, its encoder to learn.

    The encoder gets the sizes of `config`; weights of the old one are taken over where they fit, and blocks
    that are new begin by changing nothing.
    Raises: ModelError if there is no model.
    """
    torch.manual_seed(seed)
    found = model_of(model_folder(start))
    sizes = replace(found.config.autoencoder, encoder=config)
    autoencoder = Autoencoder(sizes)
    autoencoder.field.load_state_dict(found.autoencoder.field.state_dict())
    autoencoder.field.requires_grad_(False)
    if found.autoencoder.encoder is not None:
        assert autoencoder.encoder is not None
        take_over(found.autoencoder.encoder, autoencoder.encoder)
    return replace(found, config=replace(found.config, autoencoder=sizes), autoencoder=autoencoder)


def begin_field(start: Path) -> Model:
    """The model in `start` (a run, a model folder or a model's name), its field to learn, its encoder frozen.

    What its encoder makes stays as it is, and with it a prior of such latents.
    Raises: ModelError if there is no model, or one that can only decode.
    """
    found = model_of(model_folder(start))
    encoder = found.autoencoder.encoder
    if encoder is None:
        raise ModelError(f"The model in {start} has no encoder to be kept.")
    found.autoencoder.requires_grad_(True)  # loaded models are for use
    encoder.requires_grad_(False)
    return found


def take_over(old: nn.Module, new: nn.Module) -> None:
    """Give `new` the weights of `old` that have the same name and shape."""
    there = new.state_dict()
    fitting = {
        name: t for name, t in old.state_dict().items() if name in there and there[name].shape == t.shape
    }
    new.load_state_dict(fitting, strict=False)
    known = dict(old.named_modules())
    for name, block in new.named_modules():
        if isinstance(block, SelfAttentionBlock) and name not in known:
            for layer in (block.attn.c_proj, block.mlp.c_proj):
                nn.init.zeros_(layer.weight)
