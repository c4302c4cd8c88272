"""Throughput without pauses, and memory that is really taken."""

import time
from pathlib import Path

import pytest
import torch

from shapewright.training import pace
from shapewright.training.pace import Pace, forget_peak, high_water_bytes, memory_in_use, peak_memory


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


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a peak")
def test_the_peak_is_that_since_it_was_forgotten() -> None:
    large = torch.ones(32 * 2**20)  # 128 MiB
    del large
    forget_peak()
    before, of_what = peak_memory()
    large = torch.ones(16 * 2**20)
    del large
    after, _ = peak_memory()
    assert of_what == ("CUDA" if torch.cuda.is_available() else "process")
    # 64 MiB, give or take what the allocator already had
    assert 40 * 2**20 < after - before < 100 * 2**20


def test_memory_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    there = memory_in_use()["memory_gib"]
    monkeypatch.setattr(pace, "STATUS", tmp_path / "none")
    assert 0.5 * there < memory_in_use()["memory_gib"] == high_water_bytes() / 2**30
    assert peak_memory()[0] > 0
