"""`shapewright evaluate classifier` on a small data set, each of whose assets is another thing."""

from pathlib import Path

import pytest
import torch

from command_line import Shapewright
from shapewright.apps.cli import evaluate_classifier
from shapewright.apps.cli.evaluate_classifier import classifier_of
from shapewright.apps.cli.terminal import Terminal
from shapewright.evaluation.shape_classifier import load_classifier
from shapewright.training import shape_classifier
from shapewright.training.shape_classifier import ClassifierConfig


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One asset makes a kind, and training is short."""

    def config(steps: int = 2) -> ClassifierConfig:
        return ClassifierConfig(steps=steps, batch_size=4, points=64, least_assets=1)

    monkeypatch.setattr(shape_classifier, "ClassifierConfig", config)


@pytest.mark.usefixtures("_quick")
def test_it_is_trained_and_says_how_good_it_is(shapewright: Shapewright, prisms: Path, here: Path) -> None:
    command = ("evaluate", "classifier", "--data", prisms, "--steps", "3")
    outcome = shapewright(*command, "--out", "own.safetensors")
    assert outcome.code == 0, outcome
    assert "Training a classifier of shapes" in outcome.err
    assert "held-out assets: " in outcome.out
    found = load_classifier(here / "own.safetensors")
    assert len(found.classes) >= 2
    assert found.figures["settings"]["steps"] == 3
    assert f"{len(found.classes)} kinds: {found.classes[0]}" in outcome.out
    wrong = shapewright(*command, "--out", "own.pt")
    assert wrong.code == 2
    assert ".safetensors" in wrong.err


def test_no_common_kinds(shapewright: Shapewright, prisms: Path, here: Path) -> None:
    outcome = shapewright("evaluate", "classifier", "--data", prisms, "--out", "own.safetensors")
    assert outcome.code == 2
    assert "at least two kinds with 8 training assets each" in outcome.err


@pytest.mark.usefixtures("_quick")
def test_one_is_kept_for_the_data_it_learnt(
    prisms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, path = Terminal(as_json=True), tmp_path / "own.safetensors"
    first = classifier_of(prisms, path, terminal)
    runs: list[Path] = []
    train = evaluate_classifier.trained
    monkeypatch.setattr(
        evaluate_classifier, "trained", lambda data, *rest: (runs.append(data), train(data, *rest))[1]
    )
    assert classifier_of(prisms, path, terminal).figures["assets"] >= 0
    assert not runs
    path.write_bytes(b"torn")
    again = classifier_of(prisms, path, terminal)
    assert runs == [prisms]
    assert torch.equal(again.network.features.weight, first.network.features.weight)
    assert load_classifier(path).figures == first.figures
    monkeypatch.setattr(shape_classifier, "hash_of", lambda data: "another")
    classifier_of(prisms, path, terminal)
    assert len(runs) == 2
