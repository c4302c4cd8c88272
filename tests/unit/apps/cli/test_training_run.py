"""What trainings print before, when they are interrupted, and after; on solids in memory."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from command_line import Shapewright
from seen_assets import cubes, look_briefly
from shapewright.apps.cli.expectation import as_text, number
from shapewright.training import runs, validation
from shapewright.training.dry_run import Expectation, MemoryNeeds
from shapewright.training.tracker import Tracker
from tiny_assets import shelf
from tiny_models import FakeText

ENCODER = ("train", "encoder", "--data", "set", "--out", "run", "--recipe", "tiny")


@pytest.fixture(autouse=True)
def _data(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that says it is a data set, and what is loaded from any."""
    (here / "set").mkdir()
    (here / "set" / "index.json").write_text('{"format": "shapewright-dataset", "records": []}')
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: shelf())
    monkeypatch.setattr(validation, "load_dataset", lambda data, split: cubes())
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)
    look_briefly(monkeypatch)


def test_a_dry_run_says_what_it_takes_and_leaves_nothing(shapewright: Shapewright, here: Path) -> None:
    outcome = shapewright(*ENCODER, "--dry-run")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["parameters", "memory", "time"]
    assert "Trying a few steps of training the encoder of recipe 'tiny'" in outcome.err
    assert "nothing is kept" in outcome.err
    assert [path.name for path in here.iterdir()] == ["set"]


def test_a_dry_run_for_machines(
    shapewright: Shapewright, model_folder: Path, prisms: Path, here: Path
) -> None:
    for command, data in (("refine", "set"), ("prior", prisms)):
        given = ("--data", data, "--encoder", model_folder, "--out", "run", "--recipe", "tiny")
        outcome = shapewright("train", command, *given, "--dry-run", "--json")
        assert outcome.code == 0, outcome.err
        found = outcome.json
        assert found["parameters"] == sum(found["parts"].values())
        assert found["state_bytes"] >= 3 * found["memory"]["weights"]
        assert found["seconds"] > 0
    assert [path.name for path in here.iterdir()] == ["set"]


def test_an_interrupted_run_says_how_to_go_on(
    shapewright: Shapewright, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Tracker.log

    def interrupting(self: Tracker, step: int, values: dict[str, float]) -> None:
        log(self, step, values)
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Tracker, "log", interrupting)
    outcome = shapewright(*ENCODER, "--steps", "4", "--tracker", "none")
    assert outcome.code == 130
    last = outcome.err.strip().splitlines()[-1]
    assert last == (
        "shapewright: Stopped; the 2 steps done are saved in 'run': the same command goes on from there."
    )
    assert "Traceback" not in outcome.err
    assert not (here / "run" / "tensorboard").exists()
    assert shapewright(*ENCODER, "--steps", "4", "--tracker", "none").code == 0
    lines = [json.loads(line) for line in (here / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1, 2, 3]


def test_interrupted_before_the_first_step(
    shapewright: Shapewright, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "load_dataset", interrupted)
    outcome = shapewright(*ENCODER)
    assert outcome.code == 130
    assert "Stopped before the first step was done; the same command begins again." in outcome.err


def test_a_watched_run_tells_which_model_was_best(shapewright: Shapewright, here: Path) -> None:
    settings = ("loop.validate_every=2", "loop.patience=9", "loop.pictures_every=4")
    outcome = shapewright(*ENCODER, "--steps", "4", "--set", *settings)
    assert outcome.code == 0, outcome.err
    assert "the best by held-out loss after step 4 of 4." in outcome.err
    lines = [json.loads(line) for line in (here / "run" / "validation.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert lines[0]["mesh_psnr_db"] > 0
    assert (here / "run" / "pictures" / "step-0000004.png").exists()
    assert (here / "run" / "model" / "model.safetensors").exists()


def test_a_prior_is_watched_too(
    shapewright: Shapewright, model_folder: Path, prisms: Path, here: Path
) -> None:
    given = ("--data", prisms, "--encoder", model_folder, "--out", "run", "--recipe", "tiny")
    settings = ("loop.validate_every=2", "loop.pictures_every=2")
    outcome = shapewright("train", "prior", *given, "--steps", "2", "--set", *settings)
    assert outcome.code == 0, outcome.err
    assert "squared_error_0.5" in (here / "run" / "validation.jsonl").read_text()
    assert (here / "run" / "pictures" / "step-0000002.png").exists()


def test_a_tracker_that_is_not_installed(
    shapewright: Shapewright, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    outcome = shapewright(*ENCODER, "--tracker", "wandb", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence()
    assert "pip install wandb" in outcome.err
    assert not (here / "run").exists()


def test_expectations_in_words() -> None:
    mebibyte = 2**20
    memory = MemoryNeeds(
        weights=mebibyte,
        gradients=mebibyte // 2,
        moments=mebibyte,
        average=mebibyte,
        peak=3 * 2**30,
        peak_of="CUDA",
    )
    parts = {f"part{i}": 10**6 for i in range(9)}
    found = Expectation(
        parameters=9_000_000,
        trainable=4_500_000,
        parts=parts,
        memory=memory,
        seconds_per_step=0.25,
        measured_steps=3,
        steps=7200,
        batch_size=32,
    )
    sizes, needs, time = as_text(found).splitlines()
    assert sizes.startswith("parameters  9.0 M, 4.5 M of them trained: part0 1.0 M, ")
    assert sizes.endswith("part7 1.0 M, the rest 1.0 M")
    assert needs.endswith("average 1 MiB; highest in a real step 3.0 GiB (the CUDA device)")
    assert time == "time        0.25 s a step of 32 assets (measured on 3), 7200 steps: 30 min"
    assert [number(n) for n in (7, 1500, 2_500_000, 3 * 10**9)] == ["7", "1.5 k", "2.5 M", "3.0 B"]
