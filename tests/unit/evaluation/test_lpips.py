"""LPIPS with made-up features, beside the one of torchmetrics."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.functional.image import lpips as theirs

from shapewright.errors import ModelError
from shapewright.evaluation.lpips import ALEXNET_FILE, Lpips, alexnet_features, find_alexnet


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """As in torchvision's file, its classifier included."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = {f"features.{name}": value for name, value in alexnet_features().state_dict().items()}
    return found | {"classifier.1.bias": torch.zeros(4)}


def picture(seed: int) -> np.ndarray:
    return np.kron(np.random.default_rng(seed).random((8, 9, 3)), np.ones((9, 9, 1)))


def test_it_is_the_distance_of_torchmetrics(
    weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Lpips(weights)

    def backbone(net: str, pretrained: bool = False) -> nn.Sequential:
        return nn.Sequential(*ours.features, nn.MaxPool2d(3, stride=2))  # torchvision's ends with that

    monkeypatch.setattr(theirs, "_get_tv_model_features", backbone)
    reference = theirs._LPIPS(net="alex", pnet_rand=True)
    first, second = picture(1), picture(2)
    pair = [torch.from_numpy(p).float().permute(2, 0, 1)[None] for p in (first, second)]
    expected = float(reference(*pair, normalize=True))
    assert expected > 0.01
    assert ours.distance(first, second) == pytest.approx(expected, rel=1e-4)


def test_equal_pictures_are_not_apart(weights: dict[str, torch.Tensor]) -> None:
    lpips = Lpips(weights)
    assert lpips.distance(picture(1), picture(1)) == 0
    assert lpips.distance(picture(1), picture(2)) == pytest.approx(lpips.distance(picture(2), picture(1)))


def test_weights_are_found_where_torch_keeps_them(
    weights: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert find_alexnet() is None
    (tmp_path / "checkpoints").mkdir()
    torch.save(weights, tmp_path / "checkpoints" / ALEXNET_FILE)
    found = find_alexnet()
    assert found is not None
    expected = Lpips(weights).distance(picture(1), picture(2))
    assert Lpips.from_file(found).distance(picture(1), picture(2)) == pytest.approx(expected)


def test_files_that_are_not_alexnet(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(ModelError, match="cannot be read as AlexNet's weights"):
        Lpips.from_file(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot be read as AlexNet's weights"):
        Lpips.from_file(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(ModelError, match="holds no weights by name"):
        Lpips.from_file(path)
    torch.save({**weights, "features.0.weight": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match="1 of 10 arrays are missing"):
        Lpips.from_file(path)
