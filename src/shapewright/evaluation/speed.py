"""How long something takes, beside its plain twin: runs by turns, so that both see the same machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from shapewright.errors import ConfigError

__all__ = ["Job", "Measured", "measure"]

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something to be measured, and its plain twin in fp32, if there is one."""

    ours: Callable[[], object]
    plain: Callable[[], object] | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Seconds of every run, in the order in which they were made."""

    ours: tuple[float, ...]
    plain: tuple[float, ...] = ()

    @property
    def ours_s(self) -> float:
        return median(self.ours)

    @property
    def plain_fp32_s(self) -> float | None:
        return median(self.plain) if self.plain else None

    @property
    def ratio(self) -> float | None:
        """How many times faster than the plain twin."""
        return None if self.plain_fp32_s is None else self.plain_fp32_s / self.ours_s


def measure(job: Job, runs: int, progress: Progress | None = None) -> Measured:
    """Medians are what counts of it: of runs by turns, after one of each that is not counted.

    Raises: ConfigError for less than one run.
    """
    if runs < 1:
        raise ConfigError(f"At least 1 run must be measured, not {runs}.")
    works = [job.ours] if job.plain is None else [job.ours, job.plain]
    seconds: list[list[float]] = [[] for _ in works]
    for turn in range(runs + 1):
        for index, work in enumerate(works):
            began = time.perf_counter()
            work()
            if turn:
                seconds[index].append(time.perf_counter() - began)
            if progress is not None:
                progress(turn * len(works) + index + 1, (runs + 1) * len(works))
    return Measured(ours=tuple(seconds[0]), plain=tuple(seconds[1]) if len(works) > 1 else ())
