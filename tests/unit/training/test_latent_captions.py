"""New captions for latents that are made already."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.dataset.augment import Recolor
from shapewright.dataset.captions import names_color
from shapewright.dataset.loader import digest_of_data, load_dataset
from shapewright.errors import DatasetError
from shapewright.training.latent_captions import recaption_latents
from shapewright.training.latent_shards import LatentOrigin, read_folder
from shapewright.training.latents import LatentSet, load_latents, save_latents, statistics_of
from shapewright.training.variation import Variation
from tiny_dataset import build_prisms

PAINT = Recolor(source=np.array([0.9, 0.1, 0.1]), target=np.array([0.1, 0.1, 0.9]), to_color="blue", share=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_prisms(tmp_path_factory.mktemp("prisms"))


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    """Latents of two assets as they are, and of the first in another colour, which say nothing of them."""
    assets = [record.id for record in load_dataset(data, "train")[:2]]
    torch.manual_seed(0)
    latents = LatentSet(
        latents=torch.randn(3, 2, 4),
        assets=[*assets, assets[0]],
        captions=[["thing"]] * 3,
        variations=[Variation(), Variation(mirrored=True), Variation(recolor=PAINT)],
    )
    origin = LatentOrigin(model="m", model_sha256="1", data=str(data), data_sha256=digest_of_data(data))
    credits = {
        asset: {"name": asset, "license": "CC0", "creator": "me", "source": "test"} for asset in assets
    }
    save_latents(latents, tmp_path / "latents", origin, credits)
    return tmp_path / "latents"


def test_they_are_what_the_data_set_says_and_the_latents_stay(folder: Path, data: Path) -> None:
    before, mean = load_latents(folder), statistics_of(folder, clip=3.0).mean
    kept = before.latents.clone()
    steps: list[tuple[int, int]] = []
    outcome = recaption_latents(folder, data, lambda done, total: steps.append((done, total)))
    assert (outcome.latents, outcome.changed, steps) == (3, 3, [(3, 3)])
    found, records = load_latents(folder), load_dataset(data, "train")
    assert torch.equal(found.latents, kept)
    assert found.assets == before.assets
    assert torch.equal(statistics_of(folder, clip=3.0).mean, mean)
    assert found.captions[:2] == [record.texts("en") for record in records[:2]]
    assert all(names_color(text) for text in found.captions[2])
    assert found.digest != before.digest, "a training on the old ones must not go on with them"
    assert recaption_latents(folder, data).changed == 0


def test_latents_of_other_data_are_refused(folder: Path, data: Path, tmp_path: Path) -> None:
    origin = replace(read_folder(folder).origin, data_sha256="0")
    save_latents(load_latents(folder), tmp_path / "others", origin, {})
    with pytest.raises(DatasetError, match="not the data set that the latents"):
        recaption_latents(tmp_path / "others", data)
