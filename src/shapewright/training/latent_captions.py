"""New captions for latents that are made already: what is said of them may change without them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from shapewright.dataset.loader import AssetRecord, digest_of_data, load_shard, read_index
from shapewright.errors import DatasetError
from shapewright.training.latent_shards import (
    LatentEntry,
    finish_folder,
    read_folder,
    read_shard,
    read_statistics,
    write_shard,
)
from shapewright.training.latents import captions_of_varied
from shapewright.training.variation import Variation, VariedAsset, varied

__all__ = ["RecaptionedLatents", "recaption_latents"]


@dataclass(frozen=True, kw_only=True)
class RecaptionedLatents:
    """How many latents there are, and how many of them have other captions than before."""

    latents: int
    changed: int


def recaption_latents(
    folder: Path, data: Path, progress: Callable[[int, int], None] | None = None
) -> RecaptionedLatents:
    """Say of the latents in `folder` what their data set says today of assets varied so.

    Shard by shard, the index last: if stopped, run it again. A training that was begun on them cannot be
    gone on with. progress(latents done, all latents).
    Raises: DatasetError if the latents are not complete, or not of `data`; OutputError.
    """
    found = read_folder(folder)
    if found.origin.data_sha256 != digest_of_data(data):
        raise DatasetError(
            f"{data} is not the data set that the latents in {folder} are of: "
            f"give that one, which was at '{found.origin.data}'."
        )
    places = {entry["id"]: entry for entry in read_index(data)["records"]}
    total, done, changed = sum(shard.latents for shard in found.shards), 0, 0
    for shard in found.shards:
        content = read_shard(folder / shard.file)
        captions = captions_today(content.entries, data, places)
        entries = [
            replace(entry, captions=texts) for entry, texts in zip(content.entries, captions, strict=True)
        ]
        changed += sum(
            texts != entry.captions for entry, texts in zip(content.entries, captions, strict=True)
        )
        write_shard(folder / shard.file, content.latents, entries, content.credits)
        done += shard.latents
        if progress is not None:
            progress(done, total)
    finish_folder(folder, found.origin, [shard.file for shard in found.shards], read_statistics(folder))
    return RecaptionedLatents(latents=total, changed=changed)


def captions_today(
    entries: Sequence[LatentEntry], data: Path, places: dict[str, dict[str, Any]]
) -> list[list[str]]:
    """Of every latent; each asset is read once."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, entry in enumerate(entries):
        rows[entry.asset].append(row)
    captions: list[list[str]] = [[] for _ in entries]
    for asset, of_asset in rows.items():
        record = load_shard(data / places[asset]["shard"], [places[asset]])[0]
        for row in of_asset:
            captions[row] = captions_of_varied(record, varied_asset(record, entries[row].variation))
    return captions


def varied_asset(record: AssetRecord, variation: Variation) -> VariedAsset:
    return varied(record, slice(0, 1), len(record.points), variation)
