"""Views of assets as an image prior sees them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shapewright.conditioning.clip import ClipImage
from shapewright.dataset.loader import AssetRecord
from shapewright.dataset.views import Views
from shapewright.geometry.cameras import random_views
from shapewright.pipeline.conditioners import PictureOptions, ready_picture
from shapewright.training.picture_features import PictureFeatures, picture_names
from tiny_assets import Ball, record_of
from tiny_clip import GRID_TOKENS, GRID_WIDTH, save_vision_tower


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """Two assets of two views each: a spot on nothing, at another place in every view."""
    images = np.zeros((4, 32, 32, 4), dtype=np.uint8)
    for k, image in enumerate(images):
        image[4 : 12 + 4 * k, 4:12] = (200, 50 * k, 0, 255)
    cameras = random_views(np.random.default_rng(0), 2, size_px=32)
    depths = np.zeros((2, 32, 32), dtype=np.float32)
    made = {
        name: Views(images=images[start : start + 2], depths=depths, cameras=cameras)
        for name, start in (("one", 0), ("two", 2))
    }
    monkeypatch.setattr(AssetRecord, "views", lambda record: made[record.id])
    return [replace(record_of(name, Ball()), id=name) for name in made]


def test_every_view_has_the_features_that_generation_would_give_it(
    records: list[AssetRecord], tmp_path: Path
) -> None:
    save_vision_tower(tmp_path)
    encoder = ClipImage(tmp_path)
    assert picture_names(records[1]) == ["two, view 0", "two, view 1"]
    features = PictureFeatures(records, encoder)
    condition = features.condition(["two, view 1", "one, view 0", "two, view 1"])
    assert condition.text_pooled is None
    assert condition.image_tokens is not None
    assert condition.image_tokens.shape == (3, GRID_TOKENS, GRID_WIDTH)
    image = Image.fromarray(records[1].views().images[1])
    wanted = encoder.encode([ready_picture(image, PictureOptions())])[0]
    # kept in half precision: 11 bits
    torch.testing.assert_close(condition.image_tokens[0], wanted, rtol=1e-3, atol=1e-3)
    assert torch.equal(condition.image_tokens[0], condition.image_tokens[2])
    assert not torch.equal(condition.image_tokens[0], condition.image_tokens[1])
