"""A built data set in memory; views stay on disk until asked for."""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from shapewright.dataset.captions import Caption
from shapewright.dataset.shards import MemberPlaces, decode_views
from shapewright.dataset.views import Views
from shapewright.errors import DatasetError

__all__ = ["AssetRecord", "ViewLibrary", "digest_of_data", "load_dataset", "load_shard", "read_index"]

_ARRAYS = ("points", "queries", "distances", "colors", "normals")
_VIEW_MEMBERS = ("images.png", "depths.png", "cameras.json")


@dataclass(frozen=True, kw_only=True, eq=False)
class AssetRecord:
    """One asset: what it is, its point cloud and its field targets. M queries are in random order."""

    id: str
    split: str  # "train" or "val"
    points: np.ndarray  # (N, 6) float16: xyz in [-1, 1], sRGB in [0, 1], in farthest-point order
    queries: np.ndarray  # (M, 3) float16 in [-1, 1]
    signed_distance: np.ndarray  # (M,) float16, positive inside, thickness included
    query_colors: np.ndarray  # (M, 3) uint8 sRGB of the nearest surface
    query_normals: np.ndarray  # (M, 3) int8, 127 times the outward unit normal of the nearest surface
    captions: list[Caption]
    name: str
    category: str
    tags: list[str]
    license: str
    creator: str
    source: str
    dimensions: list[float]
    nouns: list[str] = field(default_factory=list)  # what it may be called, the most specific first
    color_shares: dict[str, float] = field(default_factory=dict)
    material: str | None = None
    shard: Path
    members: MemberPlaces

    def views(self) -> Views:
        """The pictures, read from disk."""
        return _read_views(self.shard, self.members)

    def texts(self, language: str = "en") -> list[str]:
        """The captions in one language."""
        return [caption["text"] for caption in self.captions if caption["language"] == language]


def load_dataset(directory: Path | str, split: str | None = None) -> list[AssetRecord]:
    """All records, or those of one split ("train" or "val"), in index order.

    Raises: DatasetError if `directory` is not a data set, a shard is damaged, or `split` is unknown.
    """
    directory = Path(directory)
    if split not in (None, "train", "val"):
        raise DatasetError(f"there is no split '{split}'; expected 'train' or 'val'.")
    by_shard: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in read_index(directory)["records"]:
        if split is None or entry["split"] == split:
            by_shard[entry["shard"]].append(entry)
    loaded = [load_shard(directory / shard, entries) for shard, entries in by_shard.items()]
    return [record for records in loaded for record in records]


class ViewLibrary:
    """The views of a data set's assets by their names, read from disk when asked for.

    Raises: DatasetError if `directory` is not a data set.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self._places = {
            entry["id"]: (
                self.directory / entry["shard"],
                {suffix: tuple(entry["members"][suffix]) for suffix in _VIEW_MEMBERS},
            )
            for entry in read_index(directory)["records"]
        }

    def views(self, asset: str) -> Views:
        """All of the asset. Raises: DatasetError if there is no such asset or its shard is damaged."""
        if asset not in self._places:
            raise DatasetError(f"{self.directory} holds no asset '{asset}': give the data set it is of.")
        shard, members = self._places[asset]
        try:
            return _read_views(shard, members)
        except (OSError, ValueError, EOFError) as error:
            raise DatasetError(f"the views of '{asset}' in {shard} cannot be read ({error}).") from error


def _read_views(shard: Path, members: MemberPlaces) -> Views:
    with shard.open("rb") as file:
        return decode_views({suffix: _read(file, members[suffix]) for suffix in _VIEW_MEMBERS})


def read_index(directory: Path | str) -> dict[str, Any]:
    """The index of a data set.

    Raises: DatasetError if there is none or it cannot be read.
    """
    path = Path(directory) / "index.json"
    try:
        index = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(
            f"{directory} is not a data set: it has no index.json; make one with 'shapewright data build'."
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} cannot be read ({error}).") from None
    if not isinstance(index, dict) or index.get("format") != "shapewright-dataset":
        raise DatasetError(f"{path} is not the index of a shapewright data set.")
    return index


def digest_of_data(data: Path) -> str:
    """Of a data set's index, which changes with anything in it. Raises: DatasetError if there is none."""
    read_index(data)
    return hashlib.sha256((data / "index.json").read_bytes()).hexdigest()


def load_shard(shard: Path, entries: list[dict[str, Any]]) -> list[AssetRecord]:
    """The records that `entries` of the index describe, all of the one shard. Raises: DatasetError."""
    try:
        with shard.open("rb") as file:
            return [_record(shard, file, entry) for entry in entries]
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(
            f"{shard} cannot be read ({error}); delete it and its .json, then rebuild."
        ) from None


def _record(shard: Path, file: io.BufferedReader, entry: dict[str, Any]) -> AssetRecord:
    members = {suffix: (place[0], place[1]) for suffix, place in entry["members"].items()}
    arrays = {name: np.load(io.BytesIO(_read(file, members[f"{name}.npy"]))) for name in _ARRAYS}
    return AssetRecord(
        points=arrays["points"],
        queries=arrays["queries"],
        signed_distance=arrays["distances"],
        query_colors=arrays["colors"],
        query_normals=arrays["normals"],
        shard=shard,
        members=members,
        **{key: entry[key] for key in _ABOUT},
    )


_ABOUT = (
    "id", "split", "captions", "name", "category", "tags", "license", "creator", "source", "dimensions",
    "nouns", "color_shares", "material",
)  # fmt: skip


def _read(file: io.BufferedReader, place: tuple[int, int]) -> bytes:
    file.seek(place[0])
    data = file.read(place[1])
    if len(data) != place[1]:
        raise EOFError("the file is shorter than the index says")
    return data
