"""Mistakes in `train` and `evaluate` are told in one sentence; tests/e2e trains for real."""

from pathlib import Path

import pytest

from command_line import Shapewright

TRAIN = ["train", "encoder", "--data", "nothing", "--out", "run"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "encoder", "--data", "nothing", "--out", "run"], "nothing"),
        (["train", "encoder", "--data", "nothing", "--out", "file"], "file"),
        (["train", "encoder", "--data", "nothing", "--out", "run", "--steps", "0"], "--steps"),
        ([*TRAIN, "--set", "loop.batch_size=0", "--set", "loop.seed=1"], "batch_size"),  # neither is lost
        ([*TRAIN, "--set", "loop.seed=1", "loop.batch_size=0"], "batch_size"),
        (["train", "encoder", "--data", "nothing", "--out", "run", "--stage", "nerf"], "nothing"),
        (["train", "encoder", "--data", "nothing", "--out", "run", "--stage", "distill"], "with --start"),
        (
            ["train", "encoder", "--data", "d", "--out", "run", "--recipe", "paper", "--stage", "direct"],
            "The recipe 'paper' has no stage 'direct', only tiny and homeware have",
        ),
        (
            [
                "train",
                "encoder",
                "--data",
                "d",
                "--out",
                "run",
                "--recipe",
                "paper",
                "--set",
                "objective.rays=0",
            ],
            "one of them above it",
        ),
        (["train", "prior", "--data", "nothing", "--encoder", "nothing", "--out", "run"], "nothing"),
        (["evaluate", "quick", "--data", "nothing", "--model", "MODEL"], "nothing"),
        (["evaluate", "quick", "--data", "nothing", "--model", "MODEL", "--assets", "0"], "assets"),
        (["evaluate", "quick", "--data", "nothing", "--output", "x.txt"], "what can be written is .json"),
        (["evaluate", "sheet", "--model", "nothing"], "no model or model folder 'nothing'"),
        (["evaluate", "sheet", "--output", "x.jpg"], "what can be written is .png"),
        (["evaluate", "sheet", "--output", "/proc/x.png"], "Cannot write"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, model_folder: Path, here: Path, arguments: list[str], message: str
) -> None:
    (here / "file").touch()
    places = [str(model_folder) if argument == "MODEL" else argument for argument in arguments]
    outcome = shapewright(*places, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert [path.name for path in here.iterdir()] == ["file"]
