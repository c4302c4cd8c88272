"""What point models are told: captions' vectors, features of pictures, nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shapewright.errors import DatasetError
from shapewright.training.point_conditions import Nothing, ViewFeatures, encode_views
from tiny_assets import shelf
from tiny_views import show


def marks(count: int) -> np.ndarray:
    return np.random.default_rng(0).random(count)


def test_nothing_is_told_to_models_that_draw_freely() -> None:
    assert Nothing().draw(np.array([1, 2]), marks(2)).batch_size is None


def mean_color(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(picture, dtype=np.float32).reshape(-1, 3).mean(axis=0) / 255)


def test_pictures_are_looked_at_as_generate_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    show(monkeypatch)
    seen: list[Image.Image] = []
    told: list[tuple[int, int]] = []

    def encode(picture: Image.Image) -> torch.Tensor:
        seen.append(picture)
        return mean_color(picture)

    records = shelf()
    features = encode_views(records, encode, 2, tmp_path, key="k", progress=lambda *done: told.append(done))
    assert features.shape == (6, 2, 3)
    assert told == [(done, 6) for done in range(1, 7)]
    # the object, half of the picture, is centred on white and takes 0.8 of its side
    assert seen[0].getpixel((0, 0)) == (255, 255, 255)
    share = np.mean(np.asarray(seen[0])[..., 1] < 255)
    assert 0.55 < share < 0.75  # 0.64 of a square of a few pixels
    again = encode_views(records, encode, 2, tmp_path, key="k")
    assert len(seen) == 12, "made once"
    np.testing.assert_array_equal(again, features)
    encode_views(records, encode, 2, tmp_path, key="other")
    assert len(seen) == 24


def test_a_random_picture_of_each_is_told() -> None:
    features = np.arange(2 * 3 * 4, dtype=np.float16).reshape(2, 3, 4)
    entries = np.array([0, 1, 2, 3] * 10)  # draws 0 and 1 of two records
    told = ViewFeatures(features).draw(entries, marks(40))
    assert told.image_tokens is None
    assert told.text_pooled is not None
    seen = {
        (int(entry % 2), tuple(row.tolist())) for entry, row in zip(entries, told.text_pooled, strict=True)
    }
    assert seen == {
        (record, tuple(features[record, view].tolist())) for record in (0, 1) for view in range(3)
    }
    grid = ViewFeatures(features[:, :, None]).draw(entries, marks(40))
    assert grid.text_pooled is None
    assert torch.equal(grid.image_tokens, told.text_pooled[:, None])


def test_too_few_pictures_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    show(monkeypatch, views=2)
    with pytest.raises(DatasetError, match="looks at 3 pictures of an asset but 'test/ball' has 2"):
        encode_views(shelf(), mean_color, 3, tmp_path, key="k")
    assert list(tmp_path.iterdir()) == [], "no half of a file"
