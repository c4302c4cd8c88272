"""A whole model in a folder: config.json, model.safetensors and, for people, README.md."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from shapewright.atomic_file import replacing
from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.models import CONFIG_FILE, WEIGHTS_FILE, sha256
from shapewright.prior import LatentStatistics, Prior, PriorConfig, SamplerConfig

__all__ = [
    "Model",
    "ModelConfig",
    "filled",
    "load_model",
    "parts_of",
    "read_config",
    "save_model",
    "verify_folder",
    "write_folder",
]

FORMAT = "shapewright-model-1"
PARTS = ("autoencoder", "prior", "statistics")

ModuleT = TypeVar("ModuleT", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What config.json says of a model.

    `points`, `views` and `view_size_px` are what the encoder is given of an asset; `text` and `image` are
    the frozen encoders of prompts and pictures, of which minilm reads `text_tokens` tokens; `clip` says where
    CLIP's weights are: a folder inside the model folder, another folder, or a hub id. `sampler` holds the
    defaults of generation.
    """

    name: str
    autoencoder: AutoencoderConfig
    prior: PriorConfig | None = None
    text: Literal["minilm", "clip"] | None = None
    text_tokens: int = 32
    image: Literal["clip"] | None = None
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


@dataclass(frozen=True, kw_only=True)
class Model:
    """The networks of one model. Without a prior it can only encode and decode.

    `statistics` undo the standardisation of the latents that the prior was trained on; the published
    models have none. `sha256` is the hash of the weight file, empty for a model that was never saved.
    """

    config: ModelConfig
    autoencoder: Autoencoder
    prior: Prior | None = None
    statistics: LatentStatistics | None = None
    sha256: str = ""


def save_model(folder: Path, model: Model, *, card: str, dtype: torch.dtype = torch.float16) -> None:
    """Write the model folder; `card` becomes its README.md. Weights are stored as `dtype`.

    Statistics stay fp32. Raises: OutputError if the folder cannot be written.
    """
    tensors = {f"autoencoder.{name}": part.to(dtype) for name, part in model.autoencoder.state_dict().items()}
    if model.prior is not None:
        tensors |= {f"prior.{name}": part.to(dtype) for name, part in model.prior.state_dict().items()}
    if model.statistics is not None:
        tensors |= {f"statistics.{name}": part for name, part in model.statistics.tensors().items()}
    write_folder(folder, tensors, FORMAT, to_dict(model.config), card)


def write_folder(
    folder: Path, tensors: dict[str, Tensor], format: str, config: dict[str, Any], card: str
) -> None:
    """Weights, their hash with the config, and the card. Raises: OutputError."""
    with replacing(folder / WEIGHTS_FILE) as temporary:
        save_file({name: part.contiguous().cpu() for name, part in tensors.items()}, temporary)
        digest = sha256(temporary)
    content = {"format": format, "weights_sha256": digest, "model": config}
    for name, text in (("README.md", card), (CONFIG_FILE, json.dumps(content, indent=2) + "\n")):
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def load_model(folder: Path) -> Model:
    """Read a model folder; networks are in fp32, in evaluation mode, on the CPU.

    Raises: ModelError for files that are missing, damaged, or do not fit each other.
    """
    digest = verify_folder(folder)
    try:
        config = from_dict(ModelConfig, read_config(folder)["model"])
        parts = parts_of(load_file(folder / WEIGHTS_FILE), PARTS)
    except (ConfigError, SafetensorError, KeyError) as error:
        raise ModelError(f"The model in '{folder}' cannot be read: {error}") from error
    autoencoder = filled(Autoencoder(config.autoencoder), parts["autoencoder"], folder)
    prior = None if config.prior is None else filled(Prior(config.prior), parts["prior"], folder)
    statistics = LatentStatistics.from_tensors(parts["statistics"]) if parts["statistics"] else None
    return Model(config=config, autoencoder=autoencoder, prior=prior, statistics=statistics, sha256=digest)


def verify_folder(folder: Path, format: str = FORMAT) -> str:
    """The hash of the weight file, which is what config.json says it is.

    Raises: ModelError if a file is missing or the hash is another.
    """
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(f"'{folder}' has no {WEIGHTS_FILE}.")
    expected, found = read_config(folder, format).get("weights_sha256"), sha256(folder / WEIGHTS_FILE)
    if found != expected:
        raise ModelError(f"'{folder / WEIGHTS_FILE}' is damaged: its sha256 is {found}, expected {expected}.")
    return found


def read_config(folder: Path, format: str = FORMAT) -> dict[str, Any]:
    """What config.json holds. Raises: ModelError if it cannot be read or is of another format."""
    try:
        content = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"'{folder / CONFIG_FILE}' cannot be read ({error}).") from error
    if not isinstance(content, dict) or content.get("format") != format:
        raise ModelError(f"'{folder / CONFIG_FILE}' is not of the format {format}.")
    return content


def parts_of(tensors: dict[str, Tensor], names: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    """Tensors sorted into the parts that their names begin with, in the precision that they are stored in.

    Raises: KeyError for another part.
    """
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in names}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    return parts


def filled(module: ModuleT, weights: dict[str, Tensor], folder: Path) -> ModuleT:
    """The module with these weights, ready for inference. Raises: ModelError if they do not fit it."""
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"The weights in '{folder}' do not fit its {CONFIG_FILE}: {reason}") from error
    return module.eval().requires_grad_(False)
