"""A model as the published files: a transmitter or decoder, and a prior of text or images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.errors import ModelError
from shapewright.interop.official import OfficialDecoder, OfficialTransmitter
from shapewright.interop.official_files import has_config, read_config, read_official, write_official
from shapewright.interop.official_settings import EncoderInputSizes
from shapewright.pipeline.model_folder import Model, ModelConfig
from shapewright.prior import Prior, SamplerConfig

__all__ = ["PriorKind", "official_files", "read_official_model", "write_official_model"]

PriorKind = Literal["text", "image"]
Part = Literal["transmitter", "decoder", "text", "image"]

PRIOR_PARTS: dict[str, Part] = {
    "CLIPImagePointDiffusionTransformer": "text",
    "CLIPImageGridPointDiffusionTransformer": "image",
}
# Guidance of the published samples.
GUIDANCE: dict[PriorKind, float] = {"text": 15.0, "image": 3.0}


@dataclass(frozen=True, kw_only=True)
class OfficialFiles:
    """The checkpoints that a model is made of."""

    autoencoder: Path
    prior: Path | None

    @property
    def paths(self) -> list[Path]:
        return [self.autoencoder] if self.prior is None else [self.autoencoder, self.prior]


def official_files(source: Sequence[Path], prior: PriorKind | None = None) -> OfficialFiles:
    """Which checkpoints among `source` (files, or folders of them) make a model.

    A transmitter goes before a decoder, which is a part of it. prior: which one, where there are both.
    Raises: ModelError where it cannot be told or something is missing; ConfigError for an unknown prior.
    """
    parts: dict[Part, Path] = {}
    for path in _checkpoints(source):
        part = _part(path)
        if part in parts:
            raise ModelError(f"'{parts[part]}' and '{path}' are both a {part}: give the files of one model.")
        parts[part] = path
    autoencoder = parts.get("transmitter") or parts.get("decoder")
    shown = ", ".join(f"'{place}'" for place in source)
    if autoencoder is None:
        raise ModelError(
            f"There is neither a transmitter nor a decoder in {shown}: a model needs one of them."
        )
    if "text" in parts and "image" in parts and prior is None:
        raise ModelError(
            f"There are a text prior and an image prior in {shown}: say which one with --prior text or image."
        )
    if prior is not None and prior not in parts:
        raise ModelError(f"There is no {prior} prior in {shown}.")
    return OfficialFiles(
        autoencoder=autoencoder,
        prior=parts[prior] if prior else parts.get("text") or parts.get("image"),
    )


def read_official_model(files: OfficialFiles, name: str) -> Model:
    """A model of published checkpoints, with the sampling settings of their authors; fp32.

    Raises: ModelError, ConfigError as `interop.official_files.read_official`, or where they do not fit.
    """
    autoencoder = _autoencoder(files.autoencoder)
    sizes = _sizes(files.autoencoder)
    config = ModelConfig(
        name=name,
        autoencoder=autoencoder.config,
        points=sizes.points,
        views=sizes.views,
        view_size_px=sizes.view_size_px,
    )
    if files.prior is None:
        return Model(config=config, autoencoder=autoencoder)
    prior = read_official(files.prior)
    assert isinstance(prior, Prior), "its part was told by its configuration"
    kind: PriorKind = "image" if prior.config.image_token_width is not None else "text"
    config = replace(
        config,
        prior=prior.config,
        text="clip" if kind == "text" else None,
        image="clip" if kind == "image" else None,
        sampler=SamplerConfig(guidance=GUIDANCE[kind]),
    )
    return Model(config=config, autoencoder=autoencoder, prior=prior)


def write_official_model(model: Model, out: Path, *, dtype: torch.dtype = torch.float32) -> list[Path]:
    """Write transmitter.pt or vector_decoder.pt, and text_cond.pt or image_cond.pt, each with its YAML.

    Samples along rays, the grid and the background are written as published: our models do not store them.
    Returns the .pt files. Raises: ModelError for a model that has no published form; OutputError.
    """
    if model.statistics is not None:
        raise ModelError(
            f"'{model.config.name}' has no published form: its prior was trained on standardised latents."
        )
    config, autoencoder = model.config, model.autoencoder
    parts: dict[str, Any] = {"transmitter": autoencoder}
    if autoencoder.encoder is None:
        parts = {"vector_decoder": autoencoder.field}
    if model.prior is not None:
        parts["text_cond" if model.prior.config.image_token_width is None else "image_cond"] = model.prior
    sizes = EncoderInputSizes(points=config.points, views=config.views, view_size_px=config.view_size_px)
    for name, part in parts.items():
        write_official(out / f"{name}.pt", part, sizes=sizes, dtype=dtype)
    return [out / f"{name}.pt" for name in parts]


def _checkpoints(source: Sequence[Path]) -> list[Path]:
    """Files as given, whatever they are, but for settings, which are looked for beside each checkpoint.

    Of folders, the .pt files of which it is known what they hold.
    """
    found: list[Path] = []
    for place in source:
        if place.is_dir():
            found += [path for path in sorted(place.glob("*.pt")) if has_config(path)]
        elif place.suffix not in (".yaml", ".yml"):
            found.append(place)
    return found


def _part(path: Path) -> Part:
    config = read_config(path)
    match config.get("name"):
        case "Transmitter":
            return "transmitter"
        case "ChannelsDecoder":
            return "decoder"
        case "SplitVectorDiffusion":
            inner = config.get("inner")
            kind = inner.get("name") if isinstance(inner, dict) else None
            if kind in PRIOR_PARTS:
                return PRIOR_PARTS[kind]
            raise ModelError(f"'{path}' is a prior of an unknown kind ({kind}).")
        case other:
            raise ModelError(f"'{path}' is a {other}, which is no part of a Shap-E model.")


def _autoencoder(path: Path) -> Autoencoder:
    read = read_official(path)
    if isinstance(read, OfficialTransmitter):
        return read.autoencoder
    assert isinstance(read, OfficialDecoder), "its part was told by its configuration"
    with torch.device("meta"):  # only to be filled
        autoencoder = Autoencoder(AutoencoderConfig(encoder=None, field=read.field.config))
    autoencoder.field = read.field
    return autoencoder.eval()


def _sizes(path: Path) -> EncoderInputSizes:
    config = read_config(path)
    return EncoderInputSizes.read(config) if "encoder" in config else EncoderInputSizes()
