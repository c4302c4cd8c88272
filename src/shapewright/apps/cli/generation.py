"""Many objects at once: what is to be drawn is cut into parts, which workers anywhere draw and write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from shapewright.apps.cli.command import Precision
from shapewright.apps.cli.mesh_facts import MeshFacts
from shapewright.apps.cli.outputs import Job
from shapewright.apps.cli.terminal import Terminal
from shapewright.apps.cli.wishes import Wishes

if TYPE_CHECKING:
    from shapewright.apps.cli.generate import Generate
    from shapewright.pipeline import Asset, Pipeline

__all__ = ["Part", "Written", "drawn_again", "joined", "make_elsewhere", "one_again", "parts_of"]

# Enough for the matrix products to be large, few enough that all workers get something.
PART_OBJECTS = 16
# What is added to a seed for every attempt after the first: far beyond what --n gets to.
RETRY_SEED = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Part:
    """Objects to be drawn together: `n` of each wish, the first with `seed`; a job and its files for each."""

    wishes: Wishes
    seed: int
    n: int
    jobs: Sequence[Job]
    places: Mapping[str, Sequence[Path]]


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a part: what is to be said of the meshes, and the jobs whose fields had no surface."""

    facts: Mapping[int, MeshFacts]  # of all other jobs, by their index
    empty: Sequence[Job]


def joined(parts: Iterable[Written]) -> Written:
    """What became of several parts, or of one and then of what was drawn again: a mesh replaces none."""
    facts: dict[int, MeshFacts] = {}
    empty: list[Job] = []
    for part in parts:
        facts |= part.facts
        empty += part.empty
    return Written(facts=facts, empty=[job for job in dict.fromkeys(empty) if job.index not in facts])


def one_again(part: Part, job: Job, attempt: int) -> Part:
    """One object of a part with the seed of an attempt; its files are those it would have had."""
    place = part.jobs.index(job)
    row = place // part.n
    return Part(
        wishes=part.wishes.some(slice(row, row + 1)),
        seed=job.seed + attempt * RETRY_SEED,
        n=1,
        jobs=[job],
        places={kind: [paths[place]] for kind, paths in part.places.items()},
    )


def drawn_again(facts: MeshFacts, job: Job, asset: Asset) -> MeshFacts:
    """The same with the seed that it was drawn with after all."""
    sentence = f"Drawn with seed {asset.seed}, for with seed {job.seed} there was no surface."
    return MeshFacts(sentences=[sentence, *facts.sentences], values={**facts.values, "seed": asset.seed})


def parts_of(whole: Part, size: int = PART_OBJECTS) -> Iterator[Part]:
    """Parts of at most `size` objects: some whole wishes, or some seeds of one where it has many."""
    if whole.n >= size:
        for row in range(whole.wishes.count):
            for first in range(0, whole.n, size):
                yield _cut(whole, slice(row, row + 1), first, min(size, whole.n - first))
        return
    rows = size // whole.n
    for row in range(0, whole.wishes.count, rows):
        yield _cut(whole, slice(row, row + rows), 0, whole.n)


def _cut(whole: Part, rows: slice, first: int, n: int) -> Part:
    wishes = whole.wishes.some(rows)
    places = [(rows.start + row) * whole.n + first + k for row in range(wishes.count) for k in range(n)]
    return Part(
        wishes=wishes,
        seed=whole.seed + first,
        n=n,
        jobs=[whole.jobs[place] for place in places],
        places={kind: [paths[place] for place in places] for kind, paths in whole.places.items()},
    )


def make_elsewhere(command: Generate, whole: Part, terminal: Terminal) -> Written:
    """Have the parts made on a Ray cluster.

    Raises: EngineError if the cluster cannot be used; whatever a part raises.
    """
    from shapewright.engine import open_engine

    parts = [_anywhere(part) for part in parts_of(whole)]
    model = str(Path(command.model).resolve()) if Path(command.model).exists() else command.model
    adapter = command.adapter and command.adapter.resolve()
    init = command.init and command.init.resolve()
    make = partial(make_part, replace(command, model=model, adapter=adapter, init=init))
    gpus = 1 if command.device == "cuda" else 0
    written: dict[int, Written] = {}
    done = 0
    with (
        open_engine("ray", workers=command.workers, address=command.address, gpus=gpus) as engine,
        terminal.progress("Making") as advance,
    ):
        for number, found in engine.finished(make, parts):
            written[number] = found
            done += len(parts[number].jobs)
            advance(done, len(whole.jobs))
    return joined(written[number] for number in range(len(parts)))


def _anywhere(part: Part) -> Part:
    """The part with paths that mean the same in every folder."""
    pictures = tuple(path.resolve() for path in part.wishes.pictures)
    places = {kind: [path.resolve() for path in paths] for kind, paths in part.places.items()}
    return replace(part, wishes=replace(part.wishes, pictures=pictures), places=places)


def make_part(command: Generate, part: Part) -> Written:
    """Draw and write one part, in whatever process."""
    silent = Terminal(as_json=True)
    pipeline = opened(command.model, command.adapter, command.device, command.precision)
    return command.make(part, pipeline, silent)


@lru_cache(maxsize=1)
def opened(model: str, adapter: Path | None, device: str, precision: Precision) -> Pipeline:
    """A worker's pipeline, kept from part to part."""
    from shapewright.pipeline import Pipeline

    return Pipeline.from_pretrained(
        model, adapter=adapter, device=device, precision=precision, with_encoder=False
    )
