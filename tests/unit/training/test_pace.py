"""Throughput without pauses, and memory that is really taken."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from shapewright.training import pace
from shapewright.training.pace import Pace, high_water_bytes, memory_in_use, peak_memory


def test_pauses_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    speed = Pace()
    for _ in range(4):
        speed.count(8)
        clock[0] += 2.0
    with speed.paused():
        clock[0] += 1000.0
    assert speed.lap() == pytest.approx(4.0)
    speed.count(3)
    clock[0] += 1.0
    assert speed.lap() == pytest.approx(3.0), "every lap by itself"


# In a process of its own: in one that ran many tests, new memory may come from what was freed before.
FORGETS = """
import torch
from shapewright.training.pace import forget_peak, peak_memory

large = torch.ones(32 * 2**20)  # 128 MiB
del large
forget_peak()
before, of_what = peak_memory()
large = torch.ones(16 * 2**20)  # 64 MiB
del large
print(peak_memory()[0] - before, of_what)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_the_peak_is_that_since_it_was_forgotten() -> None:
    done = subprocess.run([sys.executable, "-c", FORGETS], capture_output=True, text=True, check=True)
    grown, of_what = done.stdout.split()
    assert of_what == ("CUDA" if torch.cuda.is_available() else "process")
    # 64 MiB, give or take what the allocator already had
    assert 40 * 2**20 < int(grown) < 100 * 2**20


def test_memory_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = memory_in_use()["memory_gib"]
    monkeypatch.setattr(pace, "STATUS", tmp_path / "none")
    assert 0.5 * there < memory_in_use()["memory_gib"] == high_water_bytes() / 2**30
    assert peak_memory()[0] > 0
