"""How fast a run learns, and the memory it takes."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

__all__ = ["Pace", "forget_peak", "memory_in_use", "peak_memory"]

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Pace:
    """Assets learnt from per second of wall time, waiting for data included, pauses not."""

    def __init__(self) -> None:
        self._assets, self._since = 0, time.monotonic()

    def count(self, assets: int) -> None:
        """A step was taken on so many assets."""
        self._assets += assets

    @contextmanager
    def paused(self) -> Generator[None]:
        """Time spent in here is not training."""
        began = time.monotonic()
        yield
        self._since += time.monotonic() - began

    def lap(self) -> float:
        """Assets per second since the last lap; a new one begins."""
        now = time.monotonic()
        pace = self._assets / max(now - self._since, 1e-9)
        self._assets, self._since = 0, now
        return pace


def memory_in_use() -> dict[str, float]:
    """GiB by name: the process's memory in RAM, and what tensors take of a CUDA device."""
    found = {"memory_gib": (status_bytes("VmRSS") or high_water_bytes()) / 2**30}
    if torch.cuda.is_available():
        found["cuda_memory_gib"] = torch.cuda.memory_allocated() / 2**30
    return found


def forget_peak() -> None:
    """From here on `peak_memory` looks; where the system cannot forget, it still knows the whole process."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):  # Linux only
        CLEAR.write_text("5")


def peak_memory() -> tuple[int, str]:
    """The highest number of bytes since `forget_peak`, and of what: a CUDA device's or the process's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated(), "CUDA"
    return status_bytes("VmHWM") or high_water_bytes(), "process"


def status_bytes(name: str) -> int:
    """What Linux says of this process; 0 elsewhere."""
    if not STATUS.exists():
        return 0
    lines = STATUS.read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def high_water_bytes() -> int:
    """The process's peak since it began, on any Unix; 0 where that is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
