"""What model folders of every format have in common: config.json, model.safetensors and README.md."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, Literal, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from shapewright.atomic_file import replacing
from shapewright.errors import ModelError
from shapewright.models import CONFIG_FILE, POINTS_FORMAT, WEIGHTS_FILE, sha256

__all__ = ["Wish", "filled", "part_sha256", "read_content", "read_parts", "verify", "write_folder"]

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def write_folder(
    folder: Path, tensors: dict[str, Tensor], *, format: str, config: dict[str, Any], card: str
) -> None:
    """Weights, their hash with the config, and the card. Raises: OutputError."""
    with replacing(folder / WEIGHTS_FILE) as temporary:
        save_file({name: part.contiguous().cpu() for name, part in tensors.items()}, temporary)
        digest = sha256(temporary)
    content = {"format": format, "weights_sha256": digest, "model": config}
    for name, text in (("README.md", card), (CONFIG_FILE, json.dumps(content, indent=2) + "\n")):
        with replacing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def verify(folder: Path, format: str) -> str:
    """The hash of the weight file, which is what config.json says it is.

    Raises: ModelError if a file is missing, of another format, or the hash is another.
    """
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(f"'{folder}' has no {WEIGHTS_FILE}.")
    expected, found = read_content(folder, format).get("weights_sha256"), sha256(folder / WEIGHTS_FILE)
    if found != expected:
        raise ModelError(f"'{folder / WEIGHTS_FILE}' is damaged: its sha256 is {found}, expected {expected}.")
    return found


def part_sha256(folder: Path, prefix: str) -> str:
    """The hash of those weights whose names begin so, as they are stored: models that differ elsewhere agree.

    Empty if there are none. Raises: ModelError for a damaged file.
    """
    digest, found = hashlib.sha256(), False
    try:
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
            for name in sorted(name for name in file.keys() if name.startswith(prefix)):  # noqa: SIM118
                tensor = file.get_tensor(name)
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
                found = True
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The model in '{folder}' cannot be read: {error}") from error
    return digest.hexdigest() if found else ""


def read_content(folder: Path, format: str) -> dict[str, Any]:
    """What config.json holds. Raises: ModelError if it cannot be read or is of another format."""
    try:
        content = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"'{folder / CONFIG_FILE}' cannot be read ({error}).") from error
    there = content.get("format") if isinstance(content, dict) else None
    if there != format:
        hint = "; it draws point clouds: use PointEPipeline" if there == POINTS_FORMAT else ""
        raise ModelError(f"'{folder / CONFIG_FILE}' is not of the format {format}{hint}.")
    return content


Wish = torch.dtype | Literal["mapped"] | None
"""In which precision to read a weight; 'mapped' leaves it in the file as it is; None leaves it out."""


def in_fp32(name: str) -> Wish:
    """The usual wish of `read_parts`."""
    return torch.float32


def read_parts(
    folder: Path, names: Sequence[str], wanted: Callable[[str], Wish] = in_fp32
) -> dict[str, dict[str, Tensor]]:
    """The weights, sorted into the parts that their names begin with.

    wanted: the precision to read a weight in, by its whole name.
    The file is mapped anew for each, so that memory never holds more than one of them twice. Weights wanted
    in half precision, and stored so, stay where they are in the file. Those in fp32 are copied, since
    products with weights that lie in memory as they do in the file round differently.
    Raises: ModelError for a damaged file or a part of another name.
    """
    weights, parts = folder / WEIGHTS_FILE, {part: dict[str, Tensor]() for part in names}
    try:
        with safe_open(weights, framework="pt") as file:
            stored = list(file.keys())
        for name in stored:
            part, _, rest = name.partition(".")
            wish, place = wanted(name), parts[part]
            if wish is None:
                continue
            with safe_open(weights, framework="pt") as file:
                tensor = file.get_tensor(name)
            place[rest] = tensor if wish == "mapped" else tensor.to(wish, copy=wish == torch.float32)
    except (SafetensorError, KeyError) as error:
        raise ModelError(f"The model in '{folder}' cannot be read: {error}") from error
    return parts


def filled(build: Callable[[], ModuleT], weights: dict[str, Tensor], folder: Path) -> ModuleT:
    """A network that takes `weights` as they are, without a copy, and never had others; ready for inference.

    Raises: ModelError if they do not fit it.
    """
    with torch.device("meta"):
        module = build()
    try:
        module.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        reason = shorten(str(error).splitlines()[-1].strip(), width=300, placeholder=" ...")
        raise ModelError(f"The weights in '{folder}' do not fit its {CONFIG_FILE}: {reason}") from error
    # buffers that are not stored must ask for the CPU when they are made
    assert not any(buffer.is_meta for buffer in module.buffers()), "a buffer without contents"
    return module.eval().requires_grad_(False)
