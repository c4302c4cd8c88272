"""Models in folders of the diffusers layout, such as downloads of `openai/shap-e`, in and out."""

import hashlib
from pathlib import Path

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.errors import ModelError
from shapewright.interop.diffusers import (
    INDEX_FILE,
    DiffusersModel,
    clip_files,
    model_files,
    read_folder,
    read_settings,
    write_folder,
)
from shapewright.interop.diffusers_config import RESOLUTION, Kind
from shapewright.interop.official_config import RendererConfig
from shapewright.models import sha256
from shapewright.pipeline.model_folder import Model, ModelConfig
from shapewright.prior import Prior
from shapewright.render import NerfConfig

__all__ = ["config_from_diffusers", "is_diffusers_folder", "model_from_diffusers", "model_to_diffusers"]

# What conditioning.clip reads; how pictures are prepared it knows itself.
CLIP_PARTS_READ: dict[Kind, tuple[str, ...]] = {
    "text": ("text_encoder", "tokenizer"),
    "image": ("image_encoder",),
}
# As in the published folders: diffusers shows its NeRF pictures on white.
WHITE = NerfConfig(background=(1.0, 1.0, 1.0))


def is_diffusers_folder(folder: Path) -> bool:
    """Whether to read a folder with `model_from_diffusers`."""
    return (folder / INDEX_FILE).is_file()


def model_from_diffusers(folder: Path, *, name: str | None = None) -> Model:
    """A model that decodes but does not encode; CLIP is read from the same folder when it is needed.

    It is sampled as published (64 Heun steps, guidance 15 for texts and 3 for images), which is not how
    diffusers samples it. name: the folder's own if None.
    Raises: ConfigError, ModelError for files that are missing or do not fit.
    """
    config = config_from_diffusers(folder, name=name)
    found = read_folder(folder)
    with torch.device("meta"):  # its field is there already, and large
        autoencoder = Autoencoder(config.autoencoder)
    autoencoder.field = found.field
    return Model(
        config=config,
        autoencoder=autoencoder.eval().requires_grad_(False),
        prior=found.prior.requires_grad_(False),
        sha256=joint_sha256(model_files(folder)),
    )


def config_from_diffusers(folder: Path, *, name: str | None = None) -> ModelConfig:
    """What the model in the folder is, without its weights. Raises: ConfigError, ModelError."""
    found = read_settings(folder)
    for part in CLIP_PARTS_READ[found.kind]:
        clip_files(folder, part)
    return ModelConfig(
        name=name or folder.resolve().name,
        autoencoder=AutoencoderConfig(encoder=None, field=found.field),
        prior=found.prior,
        text="clip" if found.kind == "text" else None,
        image="clip" if found.kind == "image" else None,
        clip=str(folder.resolve()),
        sampler=found.sampler,
    )


def model_to_diffusers(model: Model, out: Path, *, clip: Path | None = None, fp16: bool = False) -> None:
    """Write a new folder that diffusers' pipelines load: prior, field and copies of CLIP's files.

    The encoder, if there is one, is left out: diffusers has none. Steps and guidance are arguments of its
    pipelines. clip: a folder that holds CLIP; None takes the one that the model's config names.
    fp16: store the weights in half precision too.
    Raises: ModelError for a model that diffusers has no place for or without a folder of CLIP; OutputError.
    """
    if model.prior is None:
        raise ModelError(f"The model '{model.config.name}' has no prior, which diffusers' pipelines need.")
    if model.statistics is not None:
        raise ModelError(
            f"The prior of '{model.config.name}' makes standardised latents, which diffusers cannot restore."
        )
    if clip is None:
        clip = Path(model.config.clip)
        if not (clip.is_absolute() and clip.is_dir()):
            raise ModelError(f"CLIP's files are not in a folder '{clip}': give the folder that holds them.")
    exported = DiffusersModel(
        kind=kind_of(model.prior),
        prior=model.prior,
        field=model.autoencoder.field,
        renderer=RendererConfig(nerf=WHITE, resolution=RESOLUTION),
        sampler=model.config.sampler,
    )
    write_folder(exported, out, clip=clip, fp16=fp16)


def kind_of(prior: Prior) -> Kind:
    return "text" if prior.config.image_token_width is None else "image"


def joint_sha256(files: list[Path]) -> str:
    """One hash for several files, in their order."""
    return hashlib.sha256(" ".join(sha256(path) for path in files).encode()).hexdigest()
