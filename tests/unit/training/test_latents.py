"""Latents of a data set, and their files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.errors import DatasetError
from shapewright.training import latents as module
from shapewright.training.latents import LatentSet, encode_records, load_latents, save_latents
from shapewright.training.recipes.encoder import tiny
from shapewright.training.variation import Augmentation
from tiny_assets import shelf

RECOLORED = Augmentation(mirror=0.0, recolor=1.0, scale=0.0, stretch=0.0)


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(tiny().model)


def test_the_first_draw_is_the_asset_as_it_is(model: Autoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENCODE_BATCH", 5)  # does not divide 12: the last batch is smaller
    records, told = shelf(), list[tuple[int, int]]()
    found = encode_records(
        model, records, points=200, draws=2, augmentation=RECOLORED, progress=lambda *done: told.append(done)
    )
    assert found.latents.shape == (12, 8, 8)
    assert found.assets == [record.id for record in records] * 2
    assert told == [(5, 12), (10, 12), (12, 12)]
    clouds = torch.from_numpy(np.stack([record.points[:200] for record in records])).float()
    torch.testing.assert_close(found.latents[:6], model.eval().encode(clouds))
    assert not torch.allclose(found.latents[6:], found.latents[:6])


def test_captions_follow_the_colours(model: Autoencoder) -> None:
    records = shelf()
    found = encode_records(model, records, points=200, draws=2, augmentation=RECOLORED)
    assert found.captions[0] == records[0].texts("en")
    assert "a red ball" in found.captions[0]
    assert "a ball" in found.captions[6]
    assert "a red ball" not in found.captions[6]
    assert any(text.startswith("a ") and text.endswith(" ball") for text in found.captions[6])


def test_they_come_back_from_their_files(tmp_path: Path) -> None:
    latents = LatentSet(latents=torch.randn(2, 3, 4), assets=["a", "b"], captions=[["chaise en chêne"], []])
    save_latents(latents, tmp_path / "latents")
    found = load_latents(tmp_path / "latents")
    assert torch.equal(found.latents, latents.latents)
    assert (found.assets, found.captions) == (latents.assets, latents.captions)
    assert len(list((tmp_path / "latents").iterdir())) == 2


@pytest.mark.parametrize("name", ["latents.safetensors", "latents.json"])
@pytest.mark.parametrize("damage", [None, b"garbage", b"{}"])
def test_damaged_files_are_told(tmp_path: Path, name: str, damage: bytes | None) -> None:
    save_latents(LatentSet(latents=torch.zeros(1, 2, 3), assets=["a"], captions=[["b"]]), tmp_path)
    (tmp_path / name).unlink()
    if damage is not None:
        (tmp_path / name).write_bytes(damage)
    with pytest.raises(DatasetError, match="no usable latents"):
        load_latents(tmp_path)
