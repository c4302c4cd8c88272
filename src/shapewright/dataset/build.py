"""Building a data set: plan once, then shard after shard in several processes, resumable at any moment.

The folder holds plan.json (groups, split, broken assets), shard-NNNNN.tar with shard-NNNNN.json (written
last: a shard without it is built again), and index.json, rewritten now and then and `complete` at the end.
Captions that were made since stand in captions.json: see `dataset.recaptioning`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from shapewright.dataset.assets import Asset
from shapewright.dataset.loader import TOLD
from shapewright.dataset.plan import Plan, ShardJob, make_plan, read_plan
from shapewright.dataset.recipes import DataRecipe
from shapewright.dataset.record import make_record
from shapewright.dataset.shards import write_atomically, write_shard
from shapewright.engine import Engine, InProcess
from shapewright.errors import AssetFileError, DatasetError, OutputError

__all__ = ["FORMAT", "VERSION", "BuildSummary", "Progress", "build_dataset"]

FORMAT = "shapewright-dataset"
VERSION = 1
_INDEX_EVERY_S = 5.0

Progress = Callable[[str, int, int], None]  # stage ("plan" or "build"), assets done, assets in all


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """What a finished build holds; `skipped` are the reasons by asset."""

    directory: Path
    records: int
    skipped: dict[str, str]


def build_dataset(
    assets: list[Asset],
    recipe: DataRecipe,
    out: Path,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> BuildSummary:
    """Turn `assets` into records under `out`; carries on where an earlier, even killed, build stopped.

    engine: where the work is done, this process if not given. A broken asset is left out and its reason
    recorded. Raises: DatasetError if there is nothing to build or `out` belongs to another recipe or other
    assets; OutputError if `out` cannot be written; EngineError if workers are lost.
    """
    if not assets:
        raise DatasetError("there is nothing to build: the source holds no assets.")
    engine, report = engine or InProcess(), progress or _silent
    # workers may be started in another folder
    assets = [replace(asset, path=asset.path.resolve()) for asset in assets]
    _prepare(out)
    plan = read_plan(out, assets, recipe)
    if plan is None:
        (out / TOLD).unlink(missing_ok=True)  # of what was here before
        plan = make_plan(out, assets, recipe, engine, lambda done: report("plan", done, len(assets)))
    index = _build_shards(plan, out, engine, lambda done: report("build", done, len(assets)))
    skipped = {entry["id"]: entry["reason"] for entry in index["skipped"]}
    return BuildSummary(directory=out, records=len(index["records"]), skipped=skipped)


def _silent(stage: str, done: int, total: int) -> None:
    pass


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for leftover in out.glob(".*.tmp.*"):  # of a killed process
            leftover.unlink()
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); choose another folder.") from None


def _build_shards(plan: Plan, out: Path, engine: Engine, done: Callable[[int], None]) -> dict[str, Any]:
    infos: dict[int, Any] = {
        shard: json.loads(path.read_bytes())
        for shard in range(plan.shard_count)
        if (path := _info_path(out, shard)).is_file()
    }
    missing = [shard for shard in range(plan.shard_count) if shard not in infos]
    done(_assets_in(infos))
    written = time.monotonic()
    build = partial(_build_shard, out=out.resolve())
    for _, shard in engine.finished(build, [plan.job(shard) for shard in missing]):
        infos[shard] = _info_of(out, shard)
        if time.monotonic() - written > _INDEX_EVERY_S:
            _write_index(out, plan, infos)
            written = time.monotonic()
        done(_assets_in(infos))
    return _write_index(out, plan, infos)


def _assets_in(infos: dict[int, Any]) -> int:
    return sum(len(info["records"]) + len(info["skipped"]) for info in infos.values())


def _build_shard(job: ShardJob, out: Path) -> int:
    records: list[tuple[str, dict[str, bytes]]] = []
    skipped: list[dict[str, str]] = []
    for asset in job.assets:
        try:
            if asset.id in job.broken:
                raise AssetFileError(job.broken[asset.id])
            members = make_record(asset, job.sides[asset.id], job.groups[asset.id], job.recipe)
            records.append((asset.id, members))
        except AssetFileError as error:
            skipped.append(_skipped(asset, str(error)))
        except Exception as error:  # one strange asset must not end a build of thousands
            skipped.append(_skipped(asset, f"unexpected {type(error).__name__}: {error}"))
    tar = out / f"shard-{job.number:05d}.tar"
    places = write_shard(tar, records)
    entries = [
        {**json.loads(members["json"]), "shard": tar.name, "members": places[key]} for key, members in records
    ]
    info = json.dumps({"records": entries, "skipped": skipped}, ensure_ascii=False)
    write_atomically(_info_path(out, job.number), info.encode())
    return job.number


def _skipped(asset: Asset, reason: str) -> dict[str, str]:
    return {"id": asset.id, "file": asset.path.name, "source": asset.source, "reason": reason}


def _info_path(out: Path, shard: int) -> Path:
    """The file that says a shard is complete, and what is in it."""
    return out / f"shard-{shard:05d}.json"


def _info_of(out: Path, shard: int) -> dict[str, Any]:
    """What a worker says of the shard it has finished.

    Raises: DatasetError if it wrote to another disk than ours.
    """
    try:
        return json.loads(_info_path(out, shard).read_bytes())
    except FileNotFoundError:
        raise DatasetError(
            f"shard {shard} is not in {out} though it was built: the folder must be on storage that all "
            "machines of the cluster share."
        ) from None


def _write_index(out: Path, plan: Plan, infos: dict[int, Any]) -> dict[str, Any]:
    """Gather what the finished shards say into index.json."""
    ordered = [infos[shard] for shard in sorted(infos)]
    index: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "complete": len(infos) == plan.shard_count,
        "recipe": plan.recipe.to_dict(),
        "records": [record for info in ordered for record in info["records"]],
        "skipped": [entry for info in ordered for entry in info["skipped"]],
    }
    write_atomically(out / "index.json", json.dumps(index, ensure_ascii=False).encode())
    return index
