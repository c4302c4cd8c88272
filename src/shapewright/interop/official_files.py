"""Published checkpoints as files: NAME.pt, a state dictionary, and NAME_config.yaml beside it."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
import yaml
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.errors import ConfigError, ModelError
from shapewright.field import Field, FieldConfig
from shapewright.interop.official import (
    OfficialDecoder,
    OfficialTransmitter,
    load_decoder,
    load_prior,
    load_transmitter,
)
from shapewright.interop.official_config import CLIP_IMAGE_WIDTH, CLIP_TEXT_WIDTH, RendererConfig
from shapewright.interop.official_names import to_official
from shapewright.interop.official_settings import (
    PUBLISHED_RENDERER,
    EncoderInputSizes,
    decoder_settings,
    prior_settings,
    transmitter_settings,
)
from shapewright.prior import Prior, PriorConfig

__all__ = [
    "PUBLISHED_SETTINGS",
    "config_path",
    "has_config",
    "read_config",
    "read_official",
    "read_state",
    "write_official",
]

# What the published files hold, by their names: assumed of a .pt file without a YAML file beside it.
PUBLISHED_SETTINGS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "transmitter": lambda: transmitter_settings(AutoencoderConfig()),
    "vector_decoder": lambda: decoder_settings(FieldConfig()),
    "decoder": lambda: decoder_settings(FieldConfig()),
    "text_cond": lambda: prior_settings(PriorConfig(text_pooled_width=CLIP_TEXT_WIDTH)),
    "image_cond": lambda: prior_settings(PriorConfig(heads=8, image_token_width=CLIP_IMAGE_WIDTH)),
}
# By the `name` of the configuration.
LOADERS: Mapping[
    str,
    Callable[[Mapping[str, Any], Mapping[str, Tensor]], OfficialDecoder | OfficialTransmitter | Prior],
] = {
    "ChannelsDecoder": load_decoder,
    "SplitVectorDiffusion": load_prior,
    "Transmitter": load_transmitter,
}


def read_official(path: Path) -> OfficialDecoder | OfficialTransmitter | Prior:
    """The model in a published checkpoint, ready for inference; parameters in fp32.

    Raises: ModelError for a file that is missing, damaged, holds code or no state dictionary, or does not fit
    its configuration; ConfigError for a configuration that this package does not have.
    """
    config = read_config(path)
    kind = str(config.get("name"))
    if kind not in LOADERS:
        raise ConfigError(
            f"'{config_path(path)}' describes a '{kind}'; known are {', '.join(sorted(LOADERS))}."
        )
    state = read_state(path)
    try:
        return LOADERS[kind](config, state)
    except (ModelError, ConfigError) as error:
        raise type(error)(f"'{path}': {error}") from error


def write_official(
    path: Path,
    model: Field | Autoencoder | Prior,
    *,
    renderer: RendererConfig = PUBLISHED_RENDERER,
    sizes: EncoderInputSizes | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write `path` (.pt) and its configuration, both complete for the published code.

    Raises: ModelError for a model that has no published form; OutputError if the place cannot be written.
    """
    match model:
        case Field():
            config = decoder_settings(model.config, renderer)
        case Autoencoder():
            config = transmitter_settings(model.config, renderer, sizes)
        case Prior():
            config = prior_settings(model.config)
    state = to_official(model, background=renderer.nerf.background)
    with replacing(path) as temporary:
        torch.save({name: value.detach().to("cpu", dtype) for name, value in state.items()}, temporary)
    with replacing(config_path(path)) as temporary:
        temporary.write_text(yaml.safe_dump(config, default_flow_style=False), encoding="utf-8")


def config_path(path: Path) -> Path:
    """Where a checkpoint's configuration is, if it has one."""
    return path.with_name(f"{path.stem}_config.yaml")


def has_config(path: Path) -> bool:
    """Whether it is known what a .pt file holds: by a YAML file beside it, or by a published name."""
    return config_path(path).is_file() or path.stem in PUBLISHED_SETTINGS


def read_config(path: Path) -> dict[str, Any]:
    """The configuration beside a checkpoint, or the published one for that name. Raises: ModelError."""
    place = config_path(path)
    if not place.is_file():
        if path.stem in PUBLISHED_SETTINGS:
            return PUBLISHED_SETTINGS[path.stem]()
        raise ModelError(
            f"'{path}' has no {place.name} beside it, which says what it holds, and is not called like a "
            f"published file ({', '.join(PUBLISHED_SETTINGS)})."
        )
    try:
        config = yaml.safe_load(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"'{place}' cannot be read as YAML: {reason}.") from error
    if not isinstance(config, dict):
        raise ModelError(f"'{place}' should hold a model's settings, not {type(config).__name__}.")
    return cast("dict[str, Any]", config)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a .pt file by their names. No code in it is run.

    They are looked at where they are on the disk: the file may be deleted or replaced, but not written into,
    while they are in use. Raises: ModelError.
    """
    if not path.is_file():
        raise ModelError(f"There is no checkpoint '{path}'.")
    try:
        content = _load(path)
    except Exception as error:  # what a damaged or hostile file raises has no common type
        raise ModelError(_unreadable(path, error)) from error
    if not isinstance(content, dict):
        raise ModelError(f"'{path}' holds a {type(content).__name__}, not a dictionary of tensors.")
    for name, value in cast("dict[Any, Any]", content).items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ModelError(
                f"'{path}' is not a dictionary of tensors: its entry {name!r} is a {type(value).__name__}; "
                "give the state dictionary alone."
            )
    return cast("dict[str, Tensor]", content)


def _load(path: Path) -> Any:
    with warnings.catch_warnings():
        # an unusual pickle protocol: what comes of it is checked by us
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _unreadable(path: Path, error: Exception) -> str:
    if "unsupported global" in str(error).lower():
        return f"'{path}' holds code or whole objects, which are never run: give a dictionary of tensors."
    return f"'{path}' cannot be read as a PyTorch checkpoint: it is damaged or something else; get it again."
