"""Which assets of a data set are measured: a fixed random draw of each split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from shapewright.dataset.loader import AssetRecord, load_shard, read_index
from shapewright.errors import DatasetError

__all__ = ["ChosenRecord", "choose", "chosen_records"]

Anything = TypeVar("Anything")


@dataclass(frozen=True, kw_only=True)
class ChosenRecord:
    """A record that is still on disk."""

    id: str
    split: str
    shard: Path
    entry: dict[str, Any]

    def load(self) -> AssetRecord:
        """Raises: DatasetError if its shard is damaged."""
        return load_shard(self.shard, [self.entry])[0]


def chosen_records(data: Path, splits: Sequence[str], count: int) -> list[ChosenRecord]:
    """At most `count` of each split, split by split. Raises: DatasetError if a split is empty."""
    entries = read_index(data)["records"]
    return [
        ChosenRecord(id=entry["id"], split=split, shard=data / entry["shard"], entry=entry)
        for split in splits
        for entry in choose([e for e in entries if e["split"] == split], count, split)
    ]


def choose(records: Sequence[Anything], count: int, split: str) -> list[Anything]:
    """The same ones every time. Raises: DatasetError if there are none."""
    if not records:
        raise DatasetError(f"the data set has no {split} assets to evaluate on.")
    order = np.random.default_rng(0).permutation(len(records))[:count]
    return [records[index] for index in order]
