"""The clouds that point models learn from, and the texts that go with them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.errors import DatasetError
from shapewright.pointe import POINT_SCALING
from shapewright.training.point_draws import PointDraws, in_point_frame
from shapewright.training.variation import Augmentation
from tiny_assets import RED, Ball, record_of, shelf


def test_the_frame_is_point_es() -> None:
    corners = np.array([[-1, 1, 0, 0, 1, 0.5], [1, 0, -1, 1, 0, 0]], dtype=np.float32)
    framed = in_point_frame(corners)
    np.testing.assert_array_equal(framed, [[-0.5, 0.5, 0, 0, 255, 127.5], [0.5, 0, -0.5, 255, 0, 0]])
    scaled = POINT_SCALING.scale(torch.from_numpy(framed)).numpy()
    # the published scale of colours is 1 / 127.5 to ten digits; fp32 has seven
    np.testing.assert_allclose(scaled, [[-1, 1, 0, -1, 1, 0], [1, 0, -1, 1, -1, -1]], atol=1e-6)


def test_the_first_draw_of_each_is_the_asset_and_all_are_repeated_alike() -> None:
    records = shelf()
    draws = PointDraws(records=records, points=100, draws=3, seed=5)
    assert len(draws) == 18
    for entry, record in enumerate(records):
        np.testing.assert_array_equal(
            draws.cloud(entry), in_point_frame(record.points[:100].astype(np.float32))
        )
    for entry in (6, 17):
        assert draws.record(entry) is records[entry % 6]
        np.testing.assert_array_equal(draws.cloud(entry), draws.cloud(entry))
        assert not np.array_equal(draws.cloud(entry), draws.cloud(entry % 6))
    assert not np.array_equal(draws.cloud(6), draws.cloud(12))
    assert not np.array_equal(draws.cloud(6), replace(draws, seed=6).cloud(6))


def test_recoloured_draws_are_told_by_their_new_colours() -> None:
    always = Augmentation(mirror=0, recolor=1, scale=0)
    draws = PointDraws(records=[record_of("ball", Ball(), rgb=RED)], points=64, draws=8, augmentation=always)
    captions = draws.captions()
    assert len(captions) == 8
    assert any("red" in text for text in captions[0])
    for entry in range(1, 8):
        assert not any("red" in text.split() for text in captions[entry])
        assert any("ball" in text for text in captions[entry])


def test_an_asset_without_words_is_named() -> None:
    mute = replace(record_of("ball", Ball()), captions=[{"text": "Kugel", "language": "de"}])
    with pytest.raises(DatasetError, match="'test/ball' has no English caption"):
        PointDraws(records=[mute], points=64).captions()
