"""`shapewright evaluate encoder` on a small data set."""

import json
from pathlib import Path

import pytest
import torch

from command_line import Shapewright
from shapewright.evaluation.encoder_suite import EncoderSuite
from shapewright.evaluation.lpips import alexnet_features
from tiny_models import random_model, saved
from unit.evaluation.solids import coarse_surfaces

ONE = ("--assets", "1", "--views", "1", "--splits", "val")


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)


@pytest.fixture(autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's cache, with nothing in it."""
    folder = tmp_path_factory.mktemp("hub")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(folder))
    return folder


def test_a_report_is_written_and_read_again(
    shapewright: Shapewright,
    empty_model_folder: Path,
    prisms: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = (
        "evaluate",
        "encoder",
        "--data",
        prisms,
        "--model",
        empty_model_folder,
        "--out",
        "report",
        *ONE,
    )
    outcome = shapewright(*command)
    assert outcome.code == 0, outcome
    assert f"Evaluating the encoder of '{empty_model_folder}' on 1 assets" in outcome.err
    assert "about 4 s" in outcome.err
    assert "| Stage | NeRF PSNR (dB) | STF PSNR (dB) |" in outcome.out
    assert outcome.out.endswith("report/report.html\n")
    figures = json.loads((here / "report" / "results.json").read_text())
    found = figures["models"][str(empty_model_folder)]
    assert found["val"]["assets"] == 1
    assert found["val"]["fscore"] == 0
    assert "train" not in found
    assert "LPIPS was left out" in figures["left_out"][0]
    assert "LPIPS was left out" in (here / "report" / "report.html").read_text()
    assert "LPIPS was left out" in (here / "report" / "tables.md").read_text()

    monkeypatch.delattr(EncoderSuite, "measure_one")  # the same command measures nothing again
    again = shapewright(*command, "--json")
    assert again.json["models"][str(empty_model_folder)] == found
    assert again.json["report"] == "report/report.html"
    assert "1 of which were measured before" in shapewright(*command).err


def test_models_are_compared(
    shapewright: Shapewright, empty_model_folder: Path, prisms: Path, here: Path
) -> None:
    saved(random_model("other", empty=True, with_prior=False), here / "other")
    models = ("--model", empty_model_folder, here / "other")
    outcome = shapewright("evaluate", "encoder", "--data", prisms, *models, "--out", here / "both", *ONE)
    assert outcome.code == 0, outcome
    rows = [line for line in outcome.out.splitlines() if line.startswith("| /")]
    assert [row.split(" | ")[0] for row in rows[:2]] == [f"| {folder}" for folder in models[1:]]
    assert len((here / "both" / "assets.jsonl").read_text().splitlines()) == 2
    assert "(1 of 2)" in outcome.err
    assert "(2 of 2)" in outcome.err


def test_lpips_with_given_weights(
    shapewright: Shapewright, empty_model_folder: Path, prisms: Path, here: Path
) -> None:
    torch.save(alexnet_features().state_dict(), here / "alexnet.pth")
    command = (
        "evaluate",
        "encoder",
        "--data",
        prisms,
        "--model",
        empty_model_folder,
        "--json",
        "--out",
        "report",
    )
    outcome = shapewright(*command, "--lpips", "alexnet.pth", *ONE)
    assert outcome.json["left_out"] == []
    assert outcome.json["models"][str(empty_model_folder)]["val"]["mesh_lpips"] > 0
    wrong = shapewright(*command, "--lpips", "nowhere.pth", *ONE)
    assert wrong.code == 2
    assert wrong.is_one_sentence(), wrong


@pytest.mark.parametrize(
    "wrong", [("--assets", "0"), ("--data", "nowhere"), ("--model", "a", "a"), ("--out", "file")]
)
def test_mistakes(
    shapewright: Shapewright, empty_model_folder: Path, prisms: Path, here: Path, wrong: tuple[str, ...]
) -> None:
    (here / "file").write_text("")
    given = {"--data": prisms, "--model": empty_model_folder, "--out": "report"}
    given.pop(wrong[0], None)
    options = [part for option in given.items() for part in option]
    outcome = shapewright("evaluate", "encoder", *options, *wrong, "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert not (here / "report").exists()
