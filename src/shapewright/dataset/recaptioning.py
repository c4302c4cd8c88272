"""New captions for a data set that is built, from its records: no mesh is opened and no shard is written.

They stand in captions.json beside index.json and take the place of the built ones wherever the data set is
read; the shards, and what was made of them, stay what they are. Without that file the built captions count.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapewright.dataset.captions import Caption, english_captions, subject_of, written_among
from shapewright.dataset.loader import TOLD, AssetRecord, load_shard, read_index
from shapewright.dataset.names import nouns_of
from shapewright.dataset.shape_words import shape_words
from shapewright.dataset.shards import write_atomically

__all__ = ["Recaptioned", "recaption"]


@dataclass(frozen=True, kw_only=True)
class Recaptioned:
    """How many records there are, and how many of them have other captions than before."""

    records: int
    changed: int


def recaption(directory: Path, progress: Callable[[int, int], None] | None = None) -> Recaptioned:
    """Say of every asset what a build would say of it today; all of them or, if stopped, none.

    What people wrote, and names in other languages, stay. progress(records done, all records).
    Raises: DatasetError if `directory` is not a data set or a shard is damaged; OutputError.
    """
    entries = read_index(directory)["records"]
    by_shard: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_shard[entry["shard"]].append(entry)
    told: dict[str, dict[str, Any]] = {}
    for shard, described in by_shard.items():
        told |= {record.id: told_of(record) for record in load_shard(directory / shard, described)}
        if progress is not None:
            progress(len(told), len(entries))
    write_atomically(directory / TOLD, json.dumps(told, ensure_ascii=False).encode())
    changed = sum(told[entry["id"]]["captions"] != entry["captions"] for entry in entries)
    return Recaptioned(records=len(entries), changed=changed)


def told_of(record: AssetRecord) -> dict[str, Any]:
    nouns = nouns_of(record.name, record.tags)
    shapes = shape_words(record.points[:, :3], record.name, nouns, record.dimensions_m)
    subject = subject_of(record.name, record.tags, record.color_shares, record.material, shapes)
    english = english_captions(subject, written_among(record.texts("en"), record.nouns))
    translated: list[Caption] = [caption for caption in record.captions if caption["language"] != "en"]
    return {"captions": [*english, *translated], "nouns": list(subject.nouns)}
