"""Building a data set: plan once, then shard after shard in several processes, resumable at any moment.

The folder holds plan.json (groups, split, broken assets), shard-NNNNN.tar with shard-NNNNN.json (written
last: a shard without it is built again), and index.json, rewritten now and then and `complete` at the end.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from shapewright.dataset.assets import Asset
from shapewright.dataset.plan import Plan, ShardJob, make_plan, read_plan
from shapewright.dataset.recipes import DataRecipe
from shapewright.dataset.record import make_record
from shapewright.dataset.shards import write_atomically, write_shard
from shapewright.errors import AssetFileError, DatasetError, OutputError

__all__ = ["FORMAT", "VERSION", "BuildSummary", "Progress", "build_dataset"]

FORMAT = "shapewright-dataset"
VERSION = 1
_INDEX_EVERY_S = 5.0
# Libraries that start threads of their own would make the processes fight for cores.
_THREAD_COUNTS = ("OMP_NUM_THREADS", "IGL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

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
    workers: int = 1,
    progress: Progress | None = None,
) -> BuildSummary:
    """Turn `assets` into records under `out`; carries on where an earlier, even killed, build stopped.

    One worker works in this process, more in processes of their own. A broken asset is left out and its
    reason recorded. Raises: DatasetError if there is nothing to build or `out` belongs to another recipe
    or other assets; OutputError if `out` cannot be written.
    """
    if not assets:
        raise DatasetError("there is nothing to build: the source holds no assets.")
    if workers < 1:
        raise DatasetError(f"workers must be at least 1, got {workers}.")
    report = progress or _silent
    _prepare(out)
    with _worker_pool(workers) as pool:
        plan = read_plan(out, assets, recipe) or make_plan(
            out, assets, recipe, pool, lambda done: report("plan", done, len(assets))
        )
        index = _build_shards(plan, out, pool, lambda done: report("build", done, len(assets)))
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


@contextmanager
def _worker_pool(workers: int) -> Generator[ProcessPoolExecutor | None]:
    """Fresh processes of one thread each, or None for one worker; the environment is restored."""
    if workers == 1:
        yield None
        return
    before = {key: os.environ.get(key) for key in _THREAD_COUNTS}
    os.environ.update(dict.fromkeys(before, "1"))
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        yield pool
    except BrokenProcessPool:
        raise DatasetError(
            "a worker process died, perhaps for want of memory; run the same command again, with fewer "
            "workers: what is finished is kept."
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _end_with_parent() -> None:
    """Workers of a killed parent would wait for work for ever: look after it from a thread."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _build_shards(
    plan: Plan, out: Path, pool: ProcessPoolExecutor | None, done: Callable[[int], None]
) -> dict[str, Any]:
    infos: dict[int, Any] = {
        shard: json.loads(path.read_bytes())
        for shard in range(plan.shard_count)
        if (path := _info_path(out, shard)).is_file()
    }
    missing = [shard for shard in range(plan.shard_count) if shard not in infos]
    done(_assets_in(infos))
    written = time.monotonic()
    for shard in _run([plan.job(shard) for shard in missing], out, pool):
        infos[shard] = json.loads(_info_path(out, shard).read_bytes())
        if time.monotonic() - written > _INDEX_EVERY_S:
            _write_index(out, plan, infos)
            written = time.monotonic()
        done(_assets_in(infos))
    return _write_index(out, plan, infos)


def _assets_in(infos: dict[int, Any]) -> int:
    return sum(len(info["records"]) + len(info["skipped"]) for info in infos.values())


def _run(jobs: list[ShardJob], out: Path, pool: ProcessPoolExecutor | None) -> Iterator[int]:
    """Do all jobs; yields the numbers of finished shards."""
    if pool is None:
        for job in jobs:
            yield _build_shard(job, out)
        return
    for finished in as_completed([pool.submit(_build_shard, job, out) for job in jobs]):
        yield finished.result()


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
