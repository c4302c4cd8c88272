"""The README.md of a converted model."""

from collections.abc import Sequence
from pathlib import Path

import torch

from shapewright.models import published_file, sha256
from shapewright.pipeline.model_folder import Model, ModelConfig
from shapewright.pipeline.pointe_folder import PointEConfig, PointEModel

__all__ = ["converted_card", "points_card"]

OPENAI_LICENCE = "MIT, Copyright (c) OpenAI (Jun and Nichol, Shap-E, arXiv 2305.02463)"
OTHER_LICENCE = "that of the files it was made from"


def converted_card(model: Model, files: Sequence[Path], *, dtype: torch.dtype) -> str:
    """Where the model came from: its files with their hashes, their licence, what it does and needs."""
    config = model.config
    does = [
        "encodes 3D files" if model.autoencoder.encoder is not None else "",
        "decodes latents",
        "makes objects from text" if config.text else "",
        "makes objects from images" if config.image else "",
    ]
    return _card(config.name, does, _needs(config), files, dtype)


def points_card(model: PointEModel, files: Sequence[Path], *, dtype: torch.dtype) -> str:
    """The same of a Point-E model."""
    config = model.config
    what = "text" if config.text else "images" if config.image else "nothing but a seed"
    does = [f"makes point clouds from {what}", "and their meshes" if model.sdf is not None else ""]
    return _card(config.name, does, _needs(config), files, dtype)


def _card(name: str, does: Sequence[str], needs: str, files: Sequence[Path], dtype: torch.dtype) -> str:
    digests = {path: sha256(path) for path in files}
    published = all(published_file(digest) for digest in digests.values()) and bool(digests)
    rows = [f"| {path.name} | {digest} | {_origin(digest)} |" for path, digest in digests.items()]
    lines = [
        f"# {name}",
        "",
        f"Converted by shapewright from the files below; weights are in {str(dtype).removeprefix('torch.')}.",
        "",
        f"- Licence: {OPENAI_LICENCE if published else OTHER_LICENCE}",
        f"- What it does: {', '.join(part for part in does if part)}",
        f"- Needs at run time: {needs}",
        "",
        "| file | sha256 | origin |",
        "|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _origin(digest: str) -> str:
    file = published_file(digest)
    return "not a published file" if file is None else file.url


def _needs(config: ModelConfig | PointEConfig) -> str:
    if "clip" in (config.text, config.image):
        return f"CLIP ({config.clip})"
    return (
        "the text encoder all-MiniLM-L6-v2, which comes with the package" if config.text else "nothing else"
    )
