"""A whole Point-E model in a folder: config.json, model.safetensors and, for people, README.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, ModelError
from shapewright.models import POINTS_FORMAT
from shapewright.pipeline.folder_files import filled, read_content, read_parts, verify, write_folder
from shapewright.pointe import PointCloudSdf, PointPrior, SdfConfig, StageConfig

__all__ = ["PointEConfig", "PointEModel", "load_points_model", "save_points_model"]

PARTS = ("base", "upsampler", "sdf")
# x, y, z, red, green, blue
CHANNELS = 6


@dataclass(frozen=True, kw_only=True)
class PointEConfig:
    """What config.json says of a Point-E model. Without an upsampler it draws the base's points alone,
    without an SDF model it has no meshes.

    `text` and `image` are the frozen encoders of prompts and pictures, for a base that they were trained
    with; with neither it draws unconditionally. The published models have CLIP only. `clip` says where CLIP's
    weights are: a folder inside the model folder, another folder, or a hub id. `image_tokens` is how many
    features it makes of a picture: an upsampler that expects them is given so many zeros where there is no
    picture.
    """

    name: str
    base: StageConfig
    upsampler: StageConfig | None = None
    sdf: SdfConfig | None = None
    text: Literal["clip", "minilm"] | None = None
    image: Literal["clip"] | None = None
    clip: str = "openai/clip-vit-large-patch14"
    image_tokens: int = 256

    def __post_init__(self) -> None:
        base = self.base.prior
        if self.image_tokens < 1:
            raise ConfigError(f"image_tokens must be at least 1, got {self.image_tokens}.")
        if base.latent_channels != CHANNELS or base.low_res is not None or base.text_token_width is not None:
            raise ConfigError(
                f"The base should draw points of {CHANNELS} channels under one vector, the tokens of an "
                "image or nothing."
            )
        has_condition = base.text_pooled_width is not None or base.image_token_width is not None
        if has_condition != (self.text is not None or self.image is not None):
            raise ConfigError("A base with a condition needs 'text' or 'image'; one without has neither.")
        if self.text is not None and base.text_pooled_width is None:
            raise ConfigError("The base does not take a text's vector, so the model cannot have 'text'.")
        if self.upsampler is not None:
            _check_upsampler(self.base, self.upsampler)


@dataclass(frozen=True, kw_only=True)
class PointEModel:
    """The networks of one model. `folder` is where it was read from, `sha256` the hash of the weight file."""

    config: PointEConfig
    base: PointPrior
    upsampler: PointPrior | None = None
    sdf: PointCloudSdf | None = None
    folder: Path | None = None
    sha256: str = ""


def save_points_model(
    folder: Path, model: PointEModel, *, card: str, dtype: torch.dtype = torch.float16
) -> None:
    """Write the model folder; `card` becomes its README.md. Weights are stored as `dtype`.

    CLIP is not written. Raises: OutputError if the folder cannot be written.
    """
    parts: dict[str, nn.Module | None] = {"base": model.base, "upsampler": model.upsampler, "sdf": model.sdf}
    tensors = {
        f"{part}.{name}": tensor.to(dtype)
        for part, network in parts.items()
        if network is not None
        for name, tensor in network.state_dict().items()
    }
    write_folder(folder, tensors, format=POINTS_FORMAT, config=to_dict(model.config), card=card)


def load_points_model(folder: Path) -> PointEModel:
    """Read a model folder; networks are in fp32, in evaluation mode, on the CPU.

    Raises: ModelError for files that are missing, damaged, or do not fit each other.
    """
    digest = verify(folder, POINTS_FORMAT)
    try:
        config = from_dict(PointEConfig, read_content(folder, POINTS_FORMAT)["model"])
    except (ConfigError, KeyError) as error:
        raise ModelError(f"The model in '{folder}' cannot be read: {error}") from error
    parts = read_parts(folder, PARTS)
    for name in PARTS:
        if parts[name] and getattr(config, name) is None:
            raise ModelError(f"The weights in '{folder}' have a part '{name}' that its config does not name.")
    upsampler, sdf = config.upsampler, config.sdf
    return PointEModel(
        config=config,
        base=filled(lambda: PointPrior(config.base), parts["base"], folder),
        upsampler=(
            None if upsampler is None else filled(lambda: PointPrior(upsampler), parts["upsampler"], folder)
        ),
        sdf=None if sdf is None else filled(lambda: PointCloudSdf(sdf), parts["sdf"], folder),
        folder=folder,
        sha256=digest,
    )


def _check_upsampler(base: StageConfig, upsampler: StageConfig) -> None:
    low_res, drawn = upsampler.prior.low_res, upsampler.prior.latent_channels
    if low_res is None or upsampler.prior.has_text:
        raise ConfigError("The upsampler should take low-resolution points, and an image or nothing besides.")
    if (low_res.points, low_res.channels) != (base.prior.latent_tokens, drawn) or drawn != CHANNELS:
        raise ConfigError(
            f"The base draws {base.prior.latent_tokens} points of {CHANNELS} channels, but the upsampler "
            f"goes from {low_res.points} of {low_res.channels} to points of {drawn}."
        )
