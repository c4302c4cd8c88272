"""Latents on disk: a folder of safetensors shards and index.json.

A shard SPLIT-NNNNN.safetensors holds one tensor `latents` (M, T, C) and, in its metadata, what each latent
is of and who made the assets. It is written whole or not at all, so a run that was killed keeps what it
finished. index.json says first what the latents are made of; at the end, that they are complete, which
shards there are, and their hashes. statistics.safetensors holds mean and spread of the training split.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from shapewright.atomic_file import replacing
from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.models import sha256
from shapewright.prior.statistics import LatentStatistics
from shapewright.training.variation import Variation

__all__ = [
    "INDEX",
    "LatentEntry",
    "LatentFolder",
    "LatentOrigin",
    "Shard",
    "ShardContent",
    "begin_folder",
    "finish_folder",
    "has_index",
    "open_shard",
    "read_folder",
    "read_shard",
    "read_statistics",
    "write_shard",
]

FORMAT = "shapewright-latents"
VERSION = 1
INDEX, STATISTICS = "index.json", "statistics.safetensors"
ABOUT = "about"


@dataclass(frozen=True, kw_only=True)
class LatentOrigin:
    """What latents are made of: which encoder, which data set, and how.

    `model` and `data` say where those were found; the hashes say what they are: `encoder_sha256` is of the
    model's encoder alone, and empty in folders from before it was written.
    """

    model: str
    model_sha256: str
    encoder_sha256: str = ""
    data: str
    data_sha256: str
    settings: dict[str, Any] = field(default_factory=dict)

    def differences(self, other: "LatentOrigin") -> list[str]:
        """In what the other was made otherwise, for people."""
        pairs = {
            "data set": (self.data_sha256, other.data_sha256),
            "settings": (self.settings, other.settings),
        }
        differing = [name for name, (one, another) in pairs.items() if one != another]
        same = self.is_of_encoder(model_sha256=other.model_sha256, encoder_sha256=other.encoder_sha256)
        return differing if same else ["encoder", *differing]

    def is_of_encoder(self, *, model_sha256: str, encoder_sha256: str) -> bool:
        """Whether a model makes these latents: it is the same one, or its encoder is."""
        alike = self.encoder_sha256 != "" and self.encoder_sha256 == encoder_sha256
        return alike or self.model_sha256 == model_sha256


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a finished folder."""

    file: str
    split: str
    latents: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class LatentFolder:
    """What index.json says."""

    format: str = FORMAT
    version: int = VERSION
    complete: bool
    origin: LatentOrigin
    shards: tuple[Shard, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LatentEntry:
    """What one latent is of, and what may be said of it."""

    asset: str
    captions: list[str]
    variation: Variation


@dataclass(frozen=True, kw_only=True)
class ShardContent:
    """One shard; its latents are mapped from the file and take memory only as they are read."""

    latents: Float[Tensor, "m t c"]
    entries: list[LatentEntry]
    credits: dict[str, dict[str, str]]


def has_index(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def begin_folder(folder: Path, origin: LatentOrigin) -> None:
    """Start the folder, or go on with one of the same origin: its finished shards count.

    Raises: DatasetError if it holds latents of another encoder, data set or settings; OutputError.
    """
    if not has_index(folder):
        write_index(folder, LatentFolder(complete=False, origin=origin))
    there = read_index(folder).origin
    if differing := there.differences(origin):
        raise DatasetError(
            f"{folder} holds latents made with another {' and another '.join(differing)}; "
            "choose another folder, or delete that one."
        )
    for torn in folder.glob(".*.tmp*"):  # of a process that was killed
        torn.unlink()


def finish_folder(
    folder: Path, origin: LatentOrigin, files: Sequence[str], statistics: LatentStatistics
) -> None:
    """Write the statistics, then the index, which says that the folder is complete with these shards."""
    with replacing(folder / STATISTICS) as temporary:
        save_file(statistics.tensors(), temporary)
    shards = [
        Shard(
            file=file,
            split=file.partition("-")[0],
            latents=len(read_shard(folder / file).entries),
            sha256=sha256(folder / file),
        )
        for file in files
    ]
    write_index(folder, LatentFolder(complete=True, origin=origin, shards=tuple(shards)))


def write_index(folder: Path, content: LatentFolder) -> None:
    with replacing(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(to_dict(content), indent=1) + "\n", encoding="utf-8")


def read_index(folder: Path) -> LatentFolder:
    """Raises: DatasetError if there is none that can be read."""
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (
            FORMAT,
            VERSION,
        ):
            raise ValueError(f"it is not of the format {FORMAT} {VERSION}")
        return from_dict(LatentFolder, content)
    except (OSError, ValueError, ConfigError) as error:
        raise DatasetError(f"{folder / INDEX} is no index of latents ({error}).") from error


def read_folder(folder: Path) -> LatentFolder:
    """Raises: DatasetError if the folder holds no latents or they are not complete."""
    found = read_index(folder)
    if not found.complete:
        raise DatasetError(
            f"The latents in {folder} are not complete: run the same command again to make the rest."
        )
    return found


def write_shard(
    path: Path,
    latents: Float[Tensor, "m t c"],
    entries: Sequence[LatentEntry],
    credits: dict[str, dict[str, str]],
) -> None:
    """One shard, whole or not at all; `credits` are by asset. Raises: OutputError."""
    described = [
        {"asset": one.asset, "captions": one.captions, "variation": one.variation.plain()} for one in entries
    ]
    # one entry: several are written in any order, and the file would not have the same bytes each time
    metadata = {ABOUT: json.dumps({"entries": described, "credits": credits}, ensure_ascii=False)}
    with replacing(path) as temporary:
        save_file({"latents": latents.contiguous()}, temporary, metadata)


def read_shard(path: Path) -> ShardContent:
    """Raises: DatasetError if the file is missing or damaged."""
    tensors, metadata = open_shard(path)
    try:
        about = json.loads(metadata[ABOUT])
        entries = [
            LatentEntry(
                asset=one["asset"],
                captions=one["captions"],
                variation=Variation.of_plain(one["variation"]),
            )
            for one in about["entries"]
        ]
        content = ShardContent(latents=tensors["latents"], entries=entries, credits=about["credits"])
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{path} is no shard of latents ({error!r}).") from error
    if len(content.latents) != len(entries):
        raise DatasetError(f"{path} holds {len(content.latents)} latents of {len(entries)} assets.")
    return content


def open_shard(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors, mapped from the file, and metadata. Raises: DatasetError if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); delete it and make it again.") from error


def read_statistics(folder: Path) -> LatentStatistics:
    """Raises: DatasetError."""
    try:
        return LatentStatistics.from_tensors(load_file(folder / STATISTICS))
    except (OSError, SafetensorError, ModelError) as error:
        raise DatasetError(f"{folder / STATISTICS} cannot be read ({error}).") from error
