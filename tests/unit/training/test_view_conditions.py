"""Views as conditions: features that are stored or made as they are needed, of assets as they were varied."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shapewright.conditioning.clip import ClipImage
from shapewright.conditioning.pictures import object_square
from shapewright.dataset.loader import ViewLibrary, load_dataset
from shapewright.errors import ConfigError, DatasetError
from shapewright.pipeline import Model
from shapewright.training import view_conditions as module
from shapewright.training.encoding import LatentsConfig, make_latents
from shapewright.training.latents import LatentSet, load_latents
from shapewright.training.variation import Augmentation
from shapewright.training.varied_views import varied_picture
from shapewright.training.view_conditions import (
    StoredViews,
    ViewConditionsConfig,
    ViewsAsNeeded,
    view_conditions,
)
from tiny_clip import GRID_TOKENS, GRID_WIDTH
from tiny_dataset import VIEWS

ALL = ViewConditionsConfig()
VARIED = Augmentation(mirror=0.5, recolor=0.5, scale=0.5, stretch=0.1)


@pytest.fixture(scope="module")
def tower(clip: Path) -> ClipImage:
    return ClipImage(clip)


@pytest.fixture
def folder(encoder: Model, prisms: Path, tmp_path: Path) -> Path:
    make_latents(encoder, "x", prisms, tmp_path, LatentsConfig(draws=2, augmentation=VARIED))
    return tmp_path


def test_what_is_told_are_features_of_a_view(folder: Path, prisms: Path, tower: ClipImage) -> None:
    latents, told = load_latents(folder), list[tuple[int, int]]()
    conditions = view_conditions(
        latents, folder, prisms, tower, "tower", ALL, progress=lambda *done: told.append(done)
    )
    assert isinstance(conditions, StoredViews)
    assert told[-1] == (12, 12)
    views = {record.id: record.views() for record in load_dataset(prisms)}
    assert latents.variations is not None
    seen = set[int]()
    for row, mark in ((0, 0.0), (0, 0.5), (0, 0.99), (1, 0.4), (4, 0.1), (11, 0.7)):
        condition = conditions.draw(np.array([row]), np.array([mark]))
        pictures = [
            object_square(varied_picture(views[latents.assets[row]], view, latents.variations[row]))
            for view in range(VIEWS)
        ]
        expected = tower.encode(pictures)
        assert condition.image_tokens is not None
        assert condition.image_tokens.shape == (1, GRID_TOKENS, GRID_WIDTH)
        # stored in half precision: 11 bits of numbers up to a few units
        distance = (expected - condition.image_tokens).abs().amax(dim=(1, 2))
        assert float(distance.min()) < 5e-3
        seen.add(int(distance.argmin()))
    assert seen == set(range(VIEWS)), "all views come up"


def test_features_are_made_once(folder: Path, prisms: Path, tower: ClipImage) -> None:
    latents = load_latents(folder)
    first = view_conditions(latents, folder, prisms, tower, "tower", ALL)
    stored = sorted(folder.glob("views-*/train-*"))
    made = [path.stat().st_mtime_ns for path in stored]
    assert len(stored) == 2
    stored[1].unlink()  # as if stopped before the second
    again = view_conditions(load_latents(folder), folder, prisms, tower, "tower", ALL)
    assert stored[0].stat().st_mtime_ns == made[0]
    rows = np.arange(12)
    one, other = (c.draw(rows, rows / 12).image_tokens for c in (first, again))
    assert torch.equal(one, other)
    view_conditions(latents, folder, prisms, tower, "another tower", ALL)
    view_conditions(load_latents(folder, "val"), folder, prisms, tower, "tower", ALL)
    assert len(list(folder.glob("views-*"))) == 3


def test_what_is_too_large_is_made_as_it_is_needed(folder: Path, prisms: Path, tower: ClipImage) -> None:
    latents = load_latents(folder)
    stored = view_conditions(latents, folder, prisms, tower, "tower", ALL)
    before = sorted(folder.rglob("*"))
    lean = view_conditions(latents, folder, prisms, tower, "other", replace(ALL, most_gib=1e-6))
    assert isinstance(lean, ViewsAsNeeded)
    rows = np.array([3, 7])
    marks = np.array([0.2, 0.8])
    # the same views are drawn; half precision
    torch.testing.assert_close(
        lean.draw(rows, marks).image_tokens, stored.draw(rows, marks).image_tokens, rtol=0, atol=5e-3
    )
    assert sorted(folder.rglob("*")) == before, "nothing was stored"


def test_fewer_views_than_there_are(folder: Path, prisms: Path, tower: ClipImage) -> None:
    latents = load_latents(folder)
    one = view_conditions(latents, folder, prisms, tower, "tower", ViewConditionsConfig(views=1))
    rows = np.arange(12)
    first, second = (one.draw(rows, np.full(12, mark)).image_tokens for mark in (0.0, 0.999))
    assert torch.equal(first, second), "there is no choice"


def test_views_that_show_nothing_are_not_told(
    folder: Path, prisms: Path, tower: ClipImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "shows_something", lambda views, view: view == 1)
    latents = load_latents(folder)
    conditions = view_conditions(latents, folder, prisms, tower, "tower", ALL)
    assert isinstance(conditions, StoredViews)
    told = conditions.draw(np.zeros(20, dtype=int), np.arange(20) / 20).image_tokens
    assert told is not None
    assert all(torch.equal(tokens, told[0]) for tokens in told)
    monkeypatch.setattr(module, "shows_something", lambda views, view: False)
    lean = view_conditions(latents, folder, prisms, tower, "tower", replace(ALL, most_gib=0.0))
    with pytest.raises(DatasetError, match="No view of 'drum-ply' shows anything"):
        lean.draw(np.array([0]), np.array([0.5]))
    with pytest.raises(DatasetError, match="No view of 'drum-ply' shows anything"):
        view_conditions(latents, folder, prisms, tower, "unseen", ALL)


def test_sets_whose_variations_are_not_known(prisms: Path, tmp_path: Path, tower: ClipImage) -> None:
    latents = LatentSet(latents=torch.zeros(1, 2, 3), assets=["box-ply"], captions=[[]])
    with pytest.raises(DatasetError, match="do not say how their assets were varied"):
        view_conditions(latents, tmp_path, prisms, tower, "tower", ALL)
    with pytest.raises(DatasetError, match="holds no asset 'nobody'"):
        ViewLibrary(prisms).views("nobody")


@pytest.mark.parametrize("change", [{"views": 0}, {"most_gib": -1.0}])
def test_settings_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        ViewConditionsConfig(**change)


def test_pictures_are_encoded_in_parts(folder: Path, prisms: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PICTURES_AT_ONCE", 2)
    asked: list[int] = []

    class Counting:
        width_tokens = 1

        def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
            asked.append(len(pictures))
            return torch.zeros(len(pictures), 1, 1)

    view_conditions(load_latents(folder, "val"), folder, prisms, Counting(), "counting", ALL)
    assert asked == [1, 2, 1, 2, 1], "one to see the sizes, then three views of two latents"
