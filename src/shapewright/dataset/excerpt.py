"""The first assets of a data set as a data set of its own, without copying its shards."""

import json
from pathlib import Path

from shapewright.dataset.loader import read_index

__all__ = ["write_excerpt"]


def write_excerpt(directory: Path, excerpt: Path, *, count: int) -> None:
    """Write an index into the folder `excerpt` that has at most `count` assets of each split.

    Raises: DatasetError if `directory` is not a data set.
    """
    index, taken = read_index(directory), dict[str, int]()
    records: list[dict[str, object]] = []
    for record in index["records"]:
        split = str(record["split"])
        taken[split] = taken.get(split, 0) + 1
        if taken[split] <= count:
            records.append({**record, "shard": str((directory / record["shard"]).resolve())})
    excerpt.mkdir(parents=True, exist_ok=True)
    (excerpt / "index.json").write_text(json.dumps({**index, "records": records}), encoding="utf-8")
