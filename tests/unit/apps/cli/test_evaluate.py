"""`shapewright evaluate` on made-up figures: what is printed and written; tests/e2e measures for real."""

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import Shapewright
from shapewright.evaluation.quick import Progress, QuickConfig
from shapewright.pipeline import Pipeline

FIGURES = {"model": "random", "train": {"assets": 2, "fscore": 0.123456}}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[QuickConfig]:
    """What the evaluation was asked to do."""
    configs: list[QuickConfig] = []

    def evaluate(pipeline: Pipeline, data: Path, config: QuickConfig, progress: Progress) -> dict[str, Any]:
        configs.append(config)
        progress(0, 1, "train")
        return FIGURES

    monkeypatch.setattr("shapewright.evaluation.quick.evaluate_quick", evaluate)
    return configs


def test_figures_are_printed_and_written(
    shapewright: Shapewright, model_folder: Path, here: Path, asked: list[QuickConfig]
) -> None:
    chosen = ("--assets", "2", "--views", "1", "--seeds", "0")
    outcome = shapewright(
        *("evaluate", "quick", "--data", "set", "--model", model_folder, "--output", "a/b.json"), *chosen
    )
    assert outcome.code == 0, outcome
    assert outcome.out.split() == ["model", "random", "train.assets", "2", "train.fscore", "0.1235"]
    assert "2 x 2 assets of 'set' and 0 samples" in outcome.err
    assert json.loads((here / "a" / "b.json").read_text()) == FIGURES
    assert asked == [QuickConfig(assets=2, views=1, seeds=0)]


def test_refinement_is_asked_for(
    shapewright: Shapewright, model_folder: Path, asked: list[QuickConfig]
) -> None:
    common = ("evaluate", "quick", "--data", "set", "--model", model_folder, "--json", "--refine")
    assert shapewright(*common, "100").code == 0
    assert asked == [QuickConfig(refine=100)]
    refused = shapewright(*common, "-1")
    assert refused.code == 2
    assert refused.is_one_sentence(), refused


def test_json_alone(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    outcome = shapewright("evaluate", "quick", "--data", "set", "--model", model_folder, "--json")
    assert outcome.json == FIGURES
    assert list(here.iterdir()) == []


def test_a_sheet_of_impossible_size(shapewright: Shapewright, model_folder: Path, here: Path) -> None:
    for wrong in (("--size-px", "0"), ("--seeds", "0")):
        outcome = shapewright("evaluate", "sheet", "--model", model_folder, *wrong, "--json")
        assert outcome.code == 2
        assert outcome.is_one_sentence(), outcome
    assert list(here.iterdir()) == []
