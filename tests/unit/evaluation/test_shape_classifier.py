"""The classifier's network, its classes and its file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from shapewright.errors import ModelError
from shapewright.evaluation.shape_classifier import (
    FEATURES,
    ShapeClassifier,
    ShapeNetwork,
    class_names,
    class_of,
    load_classifier,
    save_classifier,
)
from tiny_assets import Ball, record_of, shelf

CLOUDS = np.random.default_rng(0).uniform(-1, 1, (5, 128, 3)).astype(np.float32)


def untrained(classes: int = 3) -> ShapeClassifier:
    torch.manual_seed(0)
    network = ShapeNetwork(classes).eval().requires_grad_(False)
    return ShapeClassifier(network=network, classes=tuple("abc"[:classes]), figures={"accuracy": 0.5})


def test_what_it_sees_does_not_hang_on_the_order_of_points() -> None:
    seen = untrained().see(CLOUDS)
    assert seen.features.shape == (5, FEATURES)
    assert seen.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    order = np.random.default_rng(1).permutation(128)
    assert untrained().see(CLOUDS[:, order]).features == pytest.approx(seen.features, abs=1e-5)
    assert untrained().see(CLOUDS[:1]).features == pytest.approx(seen.features[:1], abs=1e-5)
    assert np.abs(seen.features[0] - seen.features[1]).max() > 1e-3


def test_an_asset_is_the_commonest_of_what_it_may_be_called() -> None:
    records = [*shelf(), record_of("armchair", Ball()), record_of("chair", Ball())]
    assert class_names(records, least=2) == ("ball", "box", "chair")
    assert class_names(records, least=3) == ("ball", "box")
    assert class_of(records[6], ("box", "chair")) == "chair"
    assert class_of(records[6], ("box",)) is None


def test_where_there_are_no_nouns_the_category_counts() -> None:
    records = shelf()
    for record in records:
        record.nouns.clear()
    assert class_names(records, least=6) == ("Test",)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    save_classifier(untrained(), tmp_path / "own.safetensors")
    found = load_classifier(tmp_path / "own.safetensors")
    assert found.classes == ("a", "b", "c")
    assert found.figures == {"accuracy": 0.5}
    assert np.array_equal(found.see(CLOUDS).features, untrained().see(CLOUDS).features)


def test_wrong_files(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    with pytest.raises(ModelError, match="There is no classifier"):
        load_classifier(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read as a classifier"):
        load_classifier(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="is no classifier: give a file"):
        load_classifier(path)
    torn = ShapeClassifier(network=ShapeNetwork(2), classes=("a", "b", "c"))
    save_classifier(torn, path)
    with pytest.raises(ModelError, match="cannot be read as a classifier"):
        load_classifier(path)
