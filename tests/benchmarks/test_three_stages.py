"""The comparison of trainings: its clock and its table."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from benchmarks.scripts import script
from shapewright.evaluation.reconstruction import Reconstruction

STAGES = script("three_stages")


def test_the_clock_counts_every_step_once_though_a_run_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0, 1.0, 3.0, 6.0])
    monkeypatch.setattr(STAGES.time, "process_time", lambda: next(seconds))
    clock = STAGES.Clock(tmp_path / "run" / "seconds.json")
    for done in (1, 2, 3):
        clock(done, 3, {"loss": 0.5})
    assert json.loads(clock.path.read_text()) == [1.0, 2.0, 3.0]
    # another process goes on from a checkpoint after two steps
    seconds = iter([100.0, 105.0])
    again = STAGES.Clock(clock.path)
    again(3, 3, {"loss": 0.4})
    assert json.loads(clock.path.read_text()) == [1.0, 2.0, 5.0]


def test_plans_are_settled_once(tmp_path: Path) -> None:
    work = STAGES.Work(data=tmp_path, out=tmp_path, cpu_s=100.0, assets=2)
    first = work.steps("nerf", 0.5, lambda: 2.0)
    assert first == {"seconds_a_step": 2.0, "steps": 25}
    assert work.steps("nerf", 0.5, lambda: 7.0) == first


def test_the_table_has_both_splits_of_every_way() -> None:
    one = reconstruction(mesh_psnr_db=20.0, nerf_psnr_db=21.0, chamfer=0.05)
    other = reconstruction(mesh_psnr_db=22.0, nerf_psnr_db=25.0, chamfer=0.03)
    figures = {"train": STAGES.mean_of([one, other]), "val": STAGES.mean_of([one])}
    costs = {"direct": {"steps": 10, "cpu_s": 99.6, "assets_seen": 3200}}
    black = {split: {"nerf_psnr_db": 12.0} for split in ("train", "val")}
    table = STAGES.as_markdown(costs, {"direct": figures}, black).splitlines()
    assert table[-1] == "| direct | 10 | 100 | 3,200 | 23.0 / 21.0 | 21.0 / 20.0 | 0.040 / 0.050 |"
    assert "12.0 / 12.0" in table[2]
    assert len({row.count("|") for row in table}) == 1


class Turns:
    """A learner that takes so many seconds for a step, by a clock that all of them share."""

    now = 0.0

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)

    def pieces(self, step: int) -> float:
        return self.seconds[step]

    def step(self, step: int, pieces: float) -> None:
        Turns.now += pieces


def test_steps_of_every_way_are_timed_in_turn_and_the_first_ones_do_not_count() -> None:
    learners = {"direct": Turns(9.0, 1.0, 2.0), "nerf": Turns(9.0, 4.0, 3.0)}
    found = STAGES.costs_of_steps(learners, 2, lambda: Turns.now)
    assert found == {"direct": [1.0, 2.0], "nerf": [4.0, 3.0]}


def test_costs_are_told_of_an_asset_and_against_direct_supervision() -> None:
    seconds = {"direct": [1.0, 2.0, 4.0], "nerf": [3.0, 3.0, 8.0]}
    rows = STAGES.costs_as_markdown(seconds, {"direct": 32, "nerf": 16}).splitlines()
    assert rows[2] == "| direct | 32 | 2.00 (1.00 to 4.00) | 62 | 1.0 |"
    assert rows[3] == "| nerf | 16 | 3.00 (3.00 to 8.00) | 188 | 3.0 |"


def reconstruction(**figures: float) -> Reconstruction:
    """All other figures 0."""
    return Reconstruction(**{f.name: 0.0 for f in fields(Reconstruction)} | figures)
