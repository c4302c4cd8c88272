"""`train point-e` on the command line: three runs, and mistakes in one sentence."""

from pathlib import Path

import pytest

from command_line import Shapewright
from shapewright.training import point_encoders, runs
from tiny_assets import shelf
from tiny_models import FakeText

TINY = ("train", "point-e", "--recipe", "tiny", "--data", "data", "--steps", "2", "--set")
LOOP = ("loop.precision=fp32", "loop.batch_size=2")


@pytest.fixture
def _solids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: shelf())
    monkeypatch.setattr(point_encoders, "MiniLM", FakeText)


@pytest.mark.usefixtures("_solids")
def test_part_after_part_to_a_file(shapewright: Shapewright, here: Path) -> None:
    sampling = "stage.sampler.steps=2"
    commands = [
        (*TINY, *LOOP, sampling, "--out", "base"),
        (*TINY, *LOOP, sampling, "--part", "upsampler", "--model", "base", "--out", "fine"),
        (*TINY, *LOOP, "--part", "sdf", "--model", "fine", "--out", "sdf", "--name", "all three"),
        ("generate", "a red ball", "--model", "sdf/model", "--output", "ball.ply"),
    ]
    for command in commands:
        outcome = shapewright(*command)
        assert outcome.code == 0, (command, outcome)
    assert "Drawing 1 point cloud with 'all three'" in outcome.err
    assert b"element vertex 256" in (here / "ball.ply").read_bytes()


def test_what_is_trained_is_said_before(shapewright: Shapewright, here: Path) -> None:
    outcome = shapewright(*TINY, *LOOP, "--out", "run", "--part", "sdf", "--model", "nothing")
    assert "Training the SDF model of Point-E's recipe 'tiny' for 2 steps on cpu" in outcome.err
    assert outcome.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nothing"], "nothing"),
        (["--part", "upsampler"], "name its run or model folder with --model"),
        (["--part", "sdf"], "name its run or model folder with --model"),
        (["--part", "sdf", "--condition", "text"], "leave out --condition"),
        (["--part", "upsampler", "--condition", "text"], "--condition image or nothing"),
        (["--size", "1B"], "--part base --recipe paper"),
        (["--start", "nowhere"], "nowhere"),
        (["--model", "nowhere"], "nowhere"),
        (["--set", "views=0"], "views must be at least 1"),
        (["--set", "stage.prior.width=63"], "width 63"),
    ],
)
@pytest.mark.usefixtures("_solids")
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, here: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    if "nothing" in arguments:
        monkeypatch.undo()
        monkeypatch.chdir(here)
    given = ["train", "point-e", "--recipe", "tiny", "--out", "run", "--json", *arguments]
    outcome = shapewright(*given, *([] if "--data" in arguments else ["--data", "data"]))
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert list(here.iterdir()) == []
