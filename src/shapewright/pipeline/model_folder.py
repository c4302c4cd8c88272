"""A whole model in a folder: config.json, model.safetensors and, for people, README.md."""

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.pipeline.folder_files import (
    Wish,
    filled,
    part_sha256,
    read_content,
    read_parts,
    verify,
    write_folder,
)
from shapewright.prior import LatentStatistics, Prior, PriorConfig, SamplerConfig, Solver
from shapewright.prior.precision import is_lowered

__all__ = ["Model", "ModelConfig", "load_model", "read_config", "save_model", "verify_folder"]

FORMAT = "shapewright-model-1"
PARTS = ("autoencoder", "prior", "statistics")
ENCODER, FIELD, PRIOR = "autoencoder.encoder.", "autoencoder.field.", "prior."
WRITES_FIELDS = re.compile(r"autoencoder\.field\.latent_to_weights\.projections\.\d+\.weight")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What config.json says of a model.

    `points`, `views` and `view_size_px` are what the encoder is given of an asset; `text` and `image` are
    the frozen encoders of prompts and pictures, of which minilm reads `text_tokens` tokens, in English:
    `lexicon` says by which words of other languages prompts are put into it; `clip` says where
    CLIP's weights are: a folder inside the model folder, another folder, or a hub id. `sampler` holds the
    defaults of generation.
    """

    name: str
    autoencoder: AutoencoderConfig
    prior: PriorConfig | None = None
    text: Literal["minilm", "clip"] | None = None
    text_tokens: int = 32
    lexicon: Literal["household"] | None = None
    image: Literal["clip", "efficientnet"] | None = None
    clip: str = "openai/clip-vit-large-patch14"
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    points: int = 16384
    views: int = 20
    view_size_px: int = 256

    def __post_init__(self) -> None:
        if min(self.points, self.views, self.view_size_px, self.text_tokens) < 1:
            raise ConfigError("The model's points, views, view_size_px and text_tokens must be at least 1.")
        if self.prior is None:
            return
        decoded = (self.autoencoder.field.latent_tokens, self.autoencoder.field.latent_channels)
        drawn = (self.prior.latent_tokens, self.prior.latent_channels)
        if decoded != drawn:
            raise ConfigError(f"The prior makes latents of shape {drawn}, but the field takes {decoded}.")

    def sampling(
        self, *, steps: int | None = None, guidance: float | None = None, solver: Solver | None = None
    ) -> SamplerConfig:
        """The sampling settings, with these in place of the model's own where given. Raises: ConfigError."""
        return replace(
            self.sampler,
            steps=self.sampler.steps if steps is None else steps,
            guidance=self.sampler.guidance if guidance is None else guidance,
            method=self.sampler.method if solver is None else solver,
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """The networks of one model. Without a prior it can only encode and decode.

    `statistics` undo the standardisation of the latents that the prior was trained on; the published
    models have none. `sha256` is the hash of the weight file, empty for a model that was never saved;
    `folder` is where it was loaded from. `adapter` is the hash of the adapter file that changed its prior.
    """

    config: ModelConfig
    autoencoder: Autoencoder
    prior: Prior | None = None
    statistics: LatentStatistics | None = None
    sha256: str = ""
    folder: Path | None = None
    adapter: str = ""

    @cached_property
    def encoder_sha256(self) -> str:
        """Of the encoder alone: models that agree in it make the same latents. Empty if not known."""
        return part_sha256(self.folder, ENCODER) if self.folder is not None else ""

    @cached_property
    def field_sha256(self) -> str:
        """Of what decodes latents alone: models that agree in it decode them alike. Empty if not known."""
        return part_sha256(self.folder, FIELD) if self.folder is not None else ""


def save_model(folder: Path, model: Model, *, card: str, dtype: torch.dtype = torch.float16) -> None:
    """Write the model folder; `card` becomes its README.md. Weights are stored as `dtype`.

    Statistics stay fp32. Raises: OutputError if the folder cannot be written.
    """
    tensors = {f"autoencoder.{name}": part.to(dtype) for name, part in model.autoencoder.state_dict().items()}
    if model.prior is not None:
        tensors |= {f"prior.{name}": part.to(dtype) for name, part in model.prior.state_dict().items()}
    if model.statistics is not None:
        tensors |= {f"statistics.{name}": part for name, part in model.statistics.tensors().items()}
    write_folder(folder, tensors, format=FORMAT, config=to_dict(model.config), card=card)


def load_model(folder: Path, *, precision: torch.dtype = torch.float32, with_encoder: bool = True) -> Model:
    """Read a model folder; networks are in evaluation mode, on the CPU, in fp32.

    precision: of the prior's large matrices, see `prior.precision`; what is stored in that half precision
    stays in the file, mapped, and so do then the matrices that write fields, which are used once for an
    asset, in fp32. Without its encoder a model draws and decodes all the same.
    Memory holds the weights once: networks are built without weights of their own and take those read.
    Raises: ModelError for files that are missing, damaged, or do not fit each other.
    """
    digest = verify_folder(folder)
    config = read_config(folder)
    sizes = config.autoencoder if with_encoder else replace(config.autoencoder, encoder=None)

    def wanted(name: str) -> Wish:
        if name.startswith(ENCODER) and not with_encoder:
            return None
        if WRITES_FIELDS.fullmatch(name) and precision != torch.float32:
            return "mapped"
        return precision if is_lowered(name.removeprefix(PRIOR)) else torch.float32

    parts = read_parts(folder, PARTS, wanted)
    autoencoder = filled(lambda: Autoencoder(sizes), parts["autoencoder"], folder)
    prior_config = config.prior
    prior = None if prior_config is None else filled(lambda: Prior(prior_config), parts["prior"], folder)
    statistics = LatentStatistics.from_tensors(parts["statistics"]) if parts["statistics"] else None
    return Model(
        config=config,
        autoencoder=autoencoder,
        prior=prior,
        statistics=statistics,
        sha256=digest,
        folder=folder,
    )


def read_config(folder: Path) -> ModelConfig:
    """What a model is, without its weights. Raises: ModelError if config.json is missing or not ours."""
    try:
        return from_dict(ModelConfig, read_content(folder, FORMAT)["model"])
    except (ConfigError, KeyError) as error:
        raise ModelError(f"The model in '{folder}' cannot be read: {error}") from error


def verify_folder(folder: Path) -> str:
    """The hash of the weight file, which is what config.json says it is. Raises: ModelError."""
    return verify(folder, FORMAT)
