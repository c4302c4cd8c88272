"""From `--output` (a file, a folder or a pattern) to one path per object, checked before time is spent."""

import re
import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapewright.atomic_file import check_writable
from shapewright.errors import OutputError

__all__ = ["Job", "check_suffix", "plan_outputs", "slug"]

PATTERN_FIELDS = ("prompt", "seed", "index")
SLUG_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Job:
    """One object to be made: what for, with which seed, and its number in this call (from 0)."""

    prompt: str
    seed: int
    index: int


def plan_outputs(output: str, jobs: Sequence[Job], *, suffixes: Collection[str], option: str) -> list[Path]:
    """One path per job, all different and all writable.

    output: a file; a folder (existing, or ending in '/', or without a suffix); or a pattern with {prompt},
    {seed}, {index}. suffixes: those that can be written, the first being the one used in folders.
    Raises: OutputError, naming `option`, for an unknown suffix, a clash of names or an unwritable place.
    """
    if "{" in output:
        paths = [Path(_fill(output, job, option)) for job in jobs]
    elif output.endswith("/") or Path(output).is_dir() or not Path(output).suffix:
        paths = _in_folder(Path(output), jobs, next(iter(suffixes)))
    else:
        paths = [Path(output)] * len(jobs)
    for path in paths:
        check_suffix(path, suffixes, option)
    if len(set(paths)) < len(paths):
        raise OutputError(
            f"{option} '{output}' gives the same file to several of {len(jobs)} objects; "
            "give a folder, or a pattern such as '{prompt}_{seed}_{index}" + paths[0].suffix + "'."
        )
    for path in paths:
        check_writable(path)
    return paths


def check_suffix(path: Path, suffixes: Collection[str], option: str) -> None:
    """Raises: OutputError if `path` does not end in one of `suffixes`."""
    if path.suffix.lower() not in suffixes:
        raise OutputError(
            f"{option} '{path}' ends in '{path.suffix}'; what can be written is {', '.join(suffixes)}."
        )


def slug(prompt: str) -> str:
    """A prompt as a file name: letters of any script, digits and dashes, at most 60 of them."""
    words = re.sub(r"[^\w]+", "-", prompt.lower()).strip("-_")
    return words[:SLUG_CHARACTERS].rstrip("-_") or "object"


def _fill(pattern: str, job: Job, option: str) -> str:
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
        unknown = sorted(fields - set(PATTERN_FIELDS))
        if not unknown:
            return pattern.format(prompt=slug(job.prompt), seed=job.seed, index=job.index)
    except ValueError as error:
        raise OutputError(f"{option} '{pattern}' is not a valid pattern: {error}.") from error
    raise OutputError(
        f"{option} '{pattern}' asks for {{{unknown[0]}}}; known are {{prompt}}, {{seed}}, {{index}}."
    )


def _in_folder(folder: Path, jobs: Sequence[Job], suffix: str) -> list[Path]:
    names = [f"{slug(job.prompt)}_{job.seed}" for job in jobs]
    if len(set(names)) < len(names):  # one prompt twice: number them all
        names = [f"{name}_{job.index}" for name, job in zip(names, jobs, strict=True)]
    return [folder / f"{name}{suffix}" for name in names]
