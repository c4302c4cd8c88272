"""`latents`, and `train prior` on what it makes."""

import json
from pathlib import Path

import pytest

from command_line import Shapewright
from shapewright.pipeline import Pipeline
from shapewright.training.latents import load_latents
from tiny_clip import GRID_WIDTH, save_clip


def test_latents_of_a_data_set(
    shapewright: Shapewright, model_folder: Path, prisms: Path, here: Path
) -> None:
    arguments = ("latents", "--data", prisms, "--model", model_folder, "--out", "latents", "--draws", "2")
    outcome = shapewright(*arguments, "--set", "augmentation.recolor=1.0", "--json")
    assert outcome.code == 0, outcome
    assert outcome.json["latents"] == {"train": 12, "val": 2}
    latents = load_latents(here / "latents")
    assert latents.variations is not None
    assert all(one.recolor is not None for one in latents.variations[1::2])
    assert shapewright(*arguments, "--set", "augmentation.recolor=1.0", "--json").json == outcome.json
    refused = shapewright(*arguments, "--json")
    assert refused.code == 2
    assert refused.is_one_sentence()
    assert "made with another settings" in refused.err
    half = shapewright(*arguments[:-4], "--out", "half", "--splits", "val", "--precision", "fp16")
    assert half.code == 0
    assert half.out.strip() == "half: 1 val"
    assert "Encoding 1 assets" in half.err


@pytest.mark.parametrize("condition", ["text", "image"])
def test_a_prior_of_them(
    condition: str, shapewright: Shapewright, model_folder: Path, prisms: Path, here: Path
) -> None:
    shapewright("latents", "--data", prisms, "--model", model_folder, "--out", "latents", "--json")
    save_clip(here / "clip")
    told = ["--set", "clip=clip", "--set", f"model.image_token_width={GRID_WIDTH}"]
    outcome = shapewright(
        *("train", "prior", "--latents", "latents", "--out", "run", "--recipe", "tiny", "--steps", "2"),
        *("--condition", condition, *(told if condition == "image" else []), "--json"),
    )
    assert outcome.code == 0, outcome
    lines = (here / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [0, 1]
    pipeline = Pipeline.from_pretrained(outcome.json["model"], device="cpu")
    assert pipeline.model.config.image == ("clip" if condition == "image" else None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["latents", "--data", "nothing", "--out", "latents"], "nothing"),
        (["latents", "--data", "SET", "--model", "nothing", "--out", "latents"], "no model or model folder"),
        (["latents", "--data", "SET", "--out", "file/latents"], "is a file"),
        (["latents", "--data", "SET", "--out", "latents", "--draws", "0"], "--draws"),
        (["latents", "--data", "SET", "--out", "latents", "--splits", "test"], "--splits"),
        (["latents", "--data", "SET", "--out", "latents", "--set", "augmentation.twist=1"], "no setting"),
        (["train", "prior", "--out", "run"], "give --latents, or both --data and --encoder"),
        (["train", "prior", "--out", "run", "--data", "SET"], "give --latents, or both"),
        (["train", "prior", "--out", "run", "--latents", "nothing"], "make them with 'shapewright latents'"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, prisms: Path, here: Path, arguments: list[str], message: str
) -> None:
    (here / "file").touch()
    places = [str(prisms) if argument == "SET" else argument for argument in arguments]
    outcome = shapewright(*places, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert [path.name for path in here.iterdir()] == ["file"]
