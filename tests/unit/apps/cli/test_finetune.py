"""Fine-tuning through the command line."""

import importlib.util
from pathlib import Path

import pytest

from command_line import Shapewright
from own_models import write_own_models
from tiny_models import random_model, saved

SHORT = ("--steps", "2", "--workers", "1", "--set", "draws=1", "loop.batch_size=2", "rehearsal=2", "refine=0")


def test_one_command_makes_a_model_and_an_adapter(
    shapewright: Shapewright, model_folder: Path, here: Path
) -> None:
    own = write_own_models(here / "own")
    (own / "broken.ply").write_text("nothing")
    asked = ("finetune", own, "--model", model_folder, "--out", "run", *SHORT)
    outcome = shapewright(*asked, "--rank", "2")
    assert outcome.code == 0, outcome.err
    assert "Fine-tuning 'random' (LoRA of rank 2)" in outcome.err
    assert "captions.csv" not in outcome.err
    skipped, model, adapter = outcome.out.splitlines()
    assert skipped.startswith("skipped broken-ply: ")
    assert (model, adapter) == ("run/model", "run/adapter.safetensors")
    small = ("--steps", "2", "--resolution", "16", "--device", "cpu")
    for name, with_model in (("merged.glb", [model]), ("both.glb", [model_folder, "--adapter", adapter])):
        made = shapewright("generate", "a zorbix", "--output", name, "--model", *with_model, *small)
        assert made.code == 0, made.err
    assert (here / "merged.glb").read_bytes() == (here / "both.glb").read_bytes()
    again = shapewright(*asked, "--rank", "2", "--json")
    assert again.json["adapter"] == "run/adapter.safetensors"
    assert (again.json["assets"], list(again.json["skipped"])) == (2, ["broken-ply"])


def test_the_whole_prior_and_names_of_files(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    (write_own_models(here / "own") / "captions.csv").unlink()
    asked = ("finetune", "own", "--model", model_folder, "--out", "run", *SHORT)
    outcome = shapewright(*asked)
    assert outcome.code == 0, outcome.err
    assert outcome.out == "run/model\n"
    assert "no captions.csv: its models are called by their files' names" in outcome.err
    assert "the whole prior" in outcome.err


def test_help_says_what_is_needed(shapewright: Shapewright) -> None:
    outcome = shapewright("finetune", "--help")
    assert outcome.code == 0
    for part in ("captions.csv", "--method", "--rank", "--model", "--out", "generate --adapter"):
        assert part in " ".join(outcome.out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--model", "MODEL"], "nothing is not a folder"),
        (["empty", "--model", "MODEL"], "holds no mesh files"),
        (["broken", "--model", "MODEL"], "None of the models in broken can be used"),
        (["wrong", "--model", "MODEL"], "no mesh file 'x.glb'"),
        (["own", "--model", "homewear"], "did you mean 'homeware'?"),
        (["own", "--model", "openai/shap-e"], "run 'shapewright models pull openai/shap-e' once"),
        (["own", "--model", "prior-less"], "has no prior and cannot be fine-tuned"),
        (["own", "--model", "MODEL", "--steps", "0"], "--steps must be at least 1"),
        (["own", "--model", "MODEL", "--rank", "0"], "--rank must be at least 1"),
        (["own", "--model", "MODEL", "--rank", "4", "--method", "full"], "--rank is LoRA's"),
        (["own", "--model", "MODEL", "--set", "loop.speed=1"], "no setting 'loop.speed'"),
        (["own", "--model", "MODEL", "--set", "augmentation.recolor=1"], "colours that are gone"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, model_folder: Path, here: Path, arguments: list[str], message: str
) -> None:
    for folder in ("own", "empty", "broken", "wrong"):
        (here / folder).mkdir()
    (here / "broken" / "a.ply").write_text("nothing")
    (here / "wrong" / "a.ply").write_text("nothing")
    (here / "wrong" / "captions.csv").write_text("file,caption\nx.glb,a thing\n")
    if "prior-less" in arguments:
        saved(random_model(with_prior=False), here / "prior-less")
    places = [str(model_folder) if argument == "MODEL" else argument for argument in arguments]
    outcome = shapewright("finetune", *places, "--out", "run", "--workers", "1", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err


def test_a_missing_library_is_told(
    shapewright: Shapewright, model_folder: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    outcome = shapewright(
        "finetune", "own", "--method", "lora", "--model", model_folder, "--out", "run", "--json"
    )
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "pip install 'shapewright[train]'" in outcome.err


def test_adapters_that_do_not_fit(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    outcome = shapewright("generate", "a box", "--model", model_folder, "--adapter", "nothing", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert "no adapter file 'nothing'" in outcome.err
