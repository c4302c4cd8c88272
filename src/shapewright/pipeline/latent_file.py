"""Latents on disk: safetensors with where they came from in the metadata."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.errors import AssetFileError

__all__ = ["LATENT_SUFFIX", "Origin", "load_latent", "save_latent"]

LATENT_SUFFIX = ".safetensors"
FORMAT = "shapewright-latent-1"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a latent came from.

    `model_sha256` is the hash of the weights that made it, `field_sha256` of those among them that decode it;
    empty where it is not known.
    """

    model: str
    model_sha256: str
    field_sha256: str = ""
    prompt: str = ""
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict[str, Any])


def save_latent(path: Path, latent: Float[Tensor, "t d"], origin: Origin) -> None:
    """Write one latent. Raises: OutputError if the place cannot be written."""
    metadata = {
        "format": FORMAT,
        "model": origin.model,
        "model_sha256": origin.model_sha256,
        "field_sha256": origin.field_sha256,
        "prompt": origin.prompt,
        "seed": json.dumps(origin.seed),
        "settings": json.dumps(origin.settings),
    }
    content = save({"latent": latent.detach().float().cpu().contiguous()}, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def load_latent(path: Path) -> tuple[Float[Tensor, "t d"], Origin]:
    """Read a latent. Raises: AssetFileError if the file is missing or is not one of ours."""
    if not path.is_file():
        raise AssetFileError(f"There is no latent file '{path}'.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise AssetFileError(f"'{path}' is not a latent file of this program ({FORMAT}).")
            latent: Tensor = file.get_tensor("latent")
        origin = Origin(
            model=metadata["model"],
            model_sha256=metadata["model_sha256"],
            field_sha256=metadata.get("field_sha256", ""),
            prompt=metadata["prompt"],
            seed=json.loads(metadata["seed"]),
            settings=json.loads(metadata["settings"]),
        )
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise AssetFileError(f"'{path}' cannot be read as a latent file ({error}).") from error
    if latent.ndim != 2 or not torch.isfinite(latent).all():
        raise AssetFileError(
            f"'{path}' does not hold a usable latent: it should be two-dimensional and finite."
        )
    return latent, origin
