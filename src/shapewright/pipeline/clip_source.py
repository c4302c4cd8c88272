"""Where CLIP's weights are: from what a model's config names to a folder, and from there to encoders.

Three kinds of names: a folder inside the model folder, a folder anywhere, and a hub id, of which a copy is
kept in the hub's cache. The environment variable SHAPEWRIGHT_CLIP names one for all models.
"""

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from shapewright.conditioning.clip import ClipImage, ClipText
from shapewright.conditioning.clip_vector import ClipImageVector
from shapewright.errors import ModelError
from shapewright.interop.diffusers_config import CLIP_PARTS as DIFFUSERS_CLIP_PARTS
from shapewright.pipeline.model_folder import Model

__all__ = [
    "CLIP_VARIABLE",
    "Tower",
    "clip_folder",
    "folder_of_clip",
    "load_clip_image",
    "load_clip_text",
    "load_clip_vector",
    "with_clip",
]

Tower = Literal["text", "image"]

CLIP_VARIABLE = "SHAPEWRIGHT_CLIP"
REMEDY = (
    f"set the environment variable {CLIP_VARIABLE} to a folder that holds CLIP ViT-L/14 "
    "(config.json, model.safetensors and the tokenizer's files)"
)
# A layout with subfolders, as diffusers has it, is taken where it is found.
SUBFOLDERS = {"text": "text_encoder", "image": "image_encoder"}
TOKENIZER = "tokenizer"
WEIGHTS = "model.safetensors"
WANTED = {
    "text": [f"{TOKENIZER}/*", "tokenizer*.json", "vocab.json", "merges.txt", "special_tokens_map.json"],
    "image": [],
}
CLIP_FOLDER = "clip"
# A folder of CLIP with parts is copied part by part: other things may stand beside them.
CLIP_PARTS = frozenset(name for parts in DIFFUSERS_CLIP_PARTS.values() for name in parts)
HUB_ID = r"[\w-][\w.-]*/[\w-][\w.-]*"
SECONDS_FOR_THE_HUB = 10.0


def load_clip_text(named: str, model_folder: Path | None, device: torch.device) -> ClipText:
    """The text tower and its tokenizer. Raises: ModelError."""
    folder = clip_folder(named, model_folder, "text")
    return ClipText(
        folder,
        model_subfolder=_subfolder(folder, SUBFOLDERS["text"]),
        tokenizer_subfolder=_subfolder(folder, TOKENIZER),
        device=device,
    )


def load_clip_image(named: str, model_folder: Path | None, device: torch.device) -> ClipImage:
    """The vision tower. Raises: ModelError."""
    folder = clip_folder(named, model_folder, "image")
    return ClipImage(folder, subfolder=_subfolder(folder, SUBFOLDERS["image"]), device=device)


def load_clip_vector(named: str, model_folder: Path | None, device: torch.device) -> ClipImageVector:
    """The vision tower with its projection. Raises: ModelError."""
    folder = clip_folder(named, model_folder, "image")
    return ClipImageVector(folder, subfolder=_subfolder(folder, SUBFOLDERS["image"]), device=device)


def clip_folder(named: str, model_folder: Path | None, tower: Tower) -> Path:
    """The folder with CLIP's weights: SHAPEWRIGHT_CLIP's if it is set, or that of the model's config.

    named: an absolute folder, one relative to `model_folder`, or a hub id, which is downloaded unless the
    hub's cache holds it. Raises: ModelError if there is nothing of that name or the hub cannot be reached.
    """
    chosen = os.environ.get(CLIP_VARIABLE)
    name, base = chosen or named, Path() if chosen else model_folder
    if (folder := folder_of_clip(name, base)) is not None:
        return folder
    if re.fullmatch(HUB_ID, name):
        return hub_copy(name, tower)
    where = CLIP_VARIABLE if chosen else f"The model in '{model_folder}'"
    raise ModelError(f"{where} takes CLIP from '{name}', which is not a folder; {REMEDY}.")


def folder_of_clip(named: str, base: Path | None) -> Path | None:
    """The folder of that name, absolute or relative to `base`; None for anything else, such as a hub id."""
    path = Path(named).expanduser()
    if base is None and not path.is_absolute():
        return None
    folder = (base or Path()) / path
    return folder if folder.is_dir() else None


def with_clip(model: Model, out: Path) -> Model:
    """The model as it is to be saved in `out`, with CLIP's files copied there if it has them in a folder.

    So the new folder needs no other one.
    """
    clip = folder_of_clip(model.config.clip, model.folder)
    if clip is None:
        return model
    for part in CLIP_PARTS & {path.name for path in clip.iterdir()} or {""}:
        shutil.copytree(clip / part, out / CLIP_FOLDER / part, dirs_exist_ok=True)
    return replace(model, config=replace(model.config, clip=CLIP_FOLDER))


def hub_copy(name: str, tower: Tower) -> Path:
    """The hub's cached copy of the model `name`, downloaded first if it is not there. Raises: ModelError."""
    from huggingface_hub import HfApi, snapshot_download

    subfolder = SUBFOLDERS[tower]
    wanted = ["config.json", WEIGHTS, f"{subfolder}/config.json", f"{subfolder}/{WEIGHTS}", *WANTED[tower]]
    try:
        cached = Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
        if any((cached / part / WEIGHTS).is_file() for part in ("", subfolder)):
            return cached
    except FileNotFoundError:
        pass  # not in the cache
    try:
        # fails at once where there is no network; a download would first retry for half a minute
        HfApi().model_info(name, timeout=SECONDS_FOR_THE_HUB)
        return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # of the library that speaks HTTP, whichever it is
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelError(f"CLIP ('{name}') cannot be fetched from the hub ({reason}); {REMEDY}.") from error


def _subfolder(folder: Path, name: str) -> str:
    return name if (folder / name).is_dir() else ""
