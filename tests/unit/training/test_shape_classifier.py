"""The classifier learns balls from boxes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError, DatasetError
from shapewright.training import shape_classifier
from shapewright.training.shape_classifier import ClassifierConfig, hash_of, train_classifier, varied
from tiny_assets import shelf

QUICK = ClassifierConfig(steps=30, batch_size=8, points=64, least_assets=2)


@pytest.fixture
def solids(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which splits are read; both hold the same solids."""
    read: list[str] = []

    def load(data: Path, split: str) -> list[AssetRecord]:
        read.append(split)
        return shelf(points=128)

    monkeypatch.setattr(shape_classifier, "load_dataset", load)
    monkeypatch.setattr(shape_classifier, "read_index", lambda data: {"records": [], "of": str(data)})
    return read


def test_it_learns(solids: list[str]) -> None:
    told: list[str] = []
    classifier = train_classifier(Path("anywhere"), QUICK, lambda done, total, said: told.append(said))
    assert classifier.classes == ("ball", "box")
    assert classifier.figures["assets"] == 6
    assert classifier.figures["chance"] == 0.5
    assert classifier.figures["data_sha256"] == hash_of(Path("anywhere")) != hash_of(Path("elsewhere"))
    assert classifier.figures["accuracy"] >= 5 / 6
    assert solids == ["train", "val"]
    assert len(told) == 30
    again = train_classifier(Path("anywhere"), QUICK)
    cloud = shelf(points=128)[0].points[None, :, :3].astype(np.float32)
    assert np.array_equal(again.see(cloud).features, classifier.see(cloud).features)


def test_too_few_of_a_kind(solids: list[str]) -> None:
    with pytest.raises(DatasetError, match="two kinds with 4 training assets each; 'anywhere' has 0"):
        train_classifier(Path("anywhere"), ClassifierConfig(least_assets=4))


def test_clouds_are_mirrored_stretched_and_thinned() -> None:
    torch.manual_seed(0)
    clouds = torch.full((400, 64, 3), 1.0)
    found = varied(clouds, ClassifierConfig(points=16, stretch=0.2, noise=0.0))
    assert found.shape == (400, 16, 3)
    assert 0.4 < (found[:, 0, 0] < 0).float().mean() < 0.6
    assert (found[..., 1:] > 0).all()
    size = found[:, 0].abs()
    assert size.min() >= 0.8
    assert size.max() <= 1.2
    assert size.std() > 0.1
    assert torch.equal(found[:, 0], found[:, 15]), "a cloud is changed as a whole"


@pytest.mark.parametrize("settings", [{"steps": 0}, {"points": 0}, {"batch_size": 1}, {"least_assets": 0}])
def test_settings_outside_their_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1 step"):
        ClassifierConfig(**settings)
