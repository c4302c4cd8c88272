"""Files of a folder in the diffusers layout: JSON settings and weights, in every form that diffusers writes.

Weights are one file or several with an index, safetensors or torch's own format, in full or half precision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shapewright.errors import ModelError

__all__ = ["read_json", "read_weights", "weight_files", "write_json", "write_weights"]

STEM = "diffusion_pytorch_model"
# The first that is there is read: full precision before half, safetensors before torch's own format.
WEIGHTS = (
    f"{STEM}.safetensors",
    f"{STEM}.safetensors.index.json",
    f"{STEM}.bin",
    f"{STEM}.bin.index.json",
    f"{STEM}.fp16.safetensors",
    f"{STEM}.safetensors.index.fp16.json",
    f"{STEM}.fp16.bin",
    f"{STEM}.bin.index.fp16.json",
)


def read_json(path: Path) -> dict[str, Any]:
    """Raises: ModelError if the file is missing or holds anything but one JSON object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"Cannot read '{path}' of the diffusers folder: {error.strerror or error}."
        ) from error
    except ValueError as error:
        raise ModelError(f"'{path}' is not a JSON file: {error}.") from error
    if not isinstance(content, dict):
        raise ModelError(f"'{path}' should hold a JSON object, not a {type(content).__name__}.")
    return cast("dict[str, Any]", content)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of one part, in a fixed order.

    Raises: ModelError if there are none, or if an index names files outside the folder.
    """
    for name in WEIGHTS:
        if (folder / name).is_file():
            return indexed_files(folder / name) if ".index." in name else [folder / name]
    raise ModelError(f"'{folder}' holds no weights; expected one of {', '.join(WEIGHTS)}.")


def indexed_files(index: Path) -> list[Path]:
    shards: Any = read_json(index).get("weight_map")
    names: list[Any] = list(shards.values()) if isinstance(shards, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise ModelError(f"'{index}' should have a 'weight_map' from parameters to files beside it.")
    return [index.parent / name for name in sorted(set(names))]


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of one part, as they are stored. Nothing is unpickled but plain tensors.

    Raises: ModelError for files that are missing, damaged or repeat each other's tensors.
    """
    state: dict[str, Tensor] = {}
    for path in weight_files(folder):
        found = read_file(path)
        repeated = sorted(found.keys() & state.keys())
        if repeated:
            raise ModelError(f"'{path}' holds '{repeated[0]}', which another file of '{folder}' holds too.")
        state |= found
    return state


def read_file(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"Cannot read the weights '{path}': {error}.") from error
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, pickle's own among them
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"Cannot read the weights '{path}' as plain tensors: {reason}") from error
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(part, Tensor) for name, part in content.items()
    ):
        raise ModelError(f"'{path}' should hold named tensors and nothing else.")
    return content


def write_weights(folder: Path, state: Mapping[str, Tensor], *, fp16: bool) -> None:
    """safetensors in full precision and, with `fp16`, in half precision beside it."""
    full = {name: part.detach().cpu().contiguous() for name, part in state.items()}
    # what loaders ask before they take a file for torch's
    save_file(full, folder / f"{STEM}.safetensors", metadata={"format": "pt"})
    if fp16:
        half = {name: part.half() if part.is_floating_point() else part for name, part in full.items()}
        save_file(half, folder / f"{STEM}.fp16.safetensors", metadata={"format": "pt"})
