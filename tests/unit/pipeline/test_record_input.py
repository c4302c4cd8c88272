"""Records as encoders are given them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.errors import DatasetError, ModelError
from shapewright.pipeline.asset_input import view_batch
from shapewright.pipeline.record_input import record_input, views_shown
from tiny_assets import Ball, record_of
from tiny_models import random_model, seeing_model

CONFIG = random_model(with_prior=False).config


def test_points_alone() -> None:
    record = record_of("ball", Ball(), points=300)
    found = record_input(record, CONFIG)
    assert found.views is None
    assert found.points is not None
    assert np.array_equal(found.points.numpy()[0], record.points[:256].astype(np.float32))
    assert views_shown(CONFIG) == 0


def test_the_first_views_and_points() -> None:
    record, config = record_of("ball", Ball(), views=3, size_px=32), seeing_model(views=2).config
    found, every = record_input(record, config), view_batch(record.views())
    assert found.points is not None
    assert found.points.shape == (1, 200, 6)
    assert found.views is not None
    for name in ("rgb", "alpha", "origins", "positions"):
        assert torch.equal(getattr(found.views, name), getattr(every, name)[:, :2])
    assert views_shown(config) == 2


def test_records_that_hold_too_little() -> None:
    with pytest.raises(DatasetError, match="reads 256 points of an asset but the data set has 64"):
        record_input(record_of("ball", Ball(), points=64), CONFIG)
    few = record_of("ball", Ball(), views=1, size_px=32)
    with pytest.raises(DatasetError, match="sees 2 views of 32 px of an asset but the data set has 1"):
        record_input(few, seeing_model(views=2).config)
    with pytest.raises(DatasetError, match="sees 1 views of 64 px"):
        record_input(few, seeing_model(views=1, view_size_px=64).config)


def test_a_decoder_alone() -> None:
    config = replace(CONFIG, autoencoder=replace(CONFIG.autoencoder, encoder=None))
    with pytest.raises(ModelError, match="cannot make a latent of 'test/ball'"):
        record_input(record_of("ball", Ball()), config)
