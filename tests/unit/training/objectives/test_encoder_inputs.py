"""What the encoder sees: its own branches' inputs, drawn anew each time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.encoder import EncoderConfig, ViewBranchConfig
from shapewright.errors import ConfigError
from shapewright.training.objectives.encoder_inputs import EncoderInputConfig, EncoderInputs, InputBatch
from shapewright.training.objectives.term import DrawnAsset
from shapewright.training.recipes.encoder import tiny
from tiny_assets import shelf

ENCODER = tiny().model.encoder
assert ENCODER is not None
WITH_VIEWS = replace(ENCODER, views=ViewBranchConfig(octaves=1, patch_px=4))
RECORD = shelf(views=5, size_px=8)[0]


def drawn(config: EncoderInputConfig, encoder: EncoderConfig, seed: int = 0) -> InputBatch:
    asset = DrawnAsset(record=RECORD, views=RECORD.views)
    return EncoderInputs(config, encoder).example(asset, np.random.default_rng(seed))


def rows_of(record: AssetRecord, points: torch.Tensor) -> list[int]:
    """Where in the record the points stand."""
    cloud = record.points.astype(np.float32)
    return [int(np.flatnonzero((cloud == point.numpy()).all(axis=1))[0]) for point in points]


def test_points_are_a_random_part_in_order_with_all_centres() -> None:
    one, other = (drawn(EncoderInputConfig(points=100), ENCODER, seed).points for seed in (0, 1))
    assert one is not None
    assert other is not None
    rows = rows_of(RECORD, one[0])
    assert len(set(rows)) == 100
    assert rows == sorted(rows)
    assert rows[:32] == list(range(32))  # the tiny encoder's centres
    assert rows_of(RECORD, other[0]) != rows
    assert one[0, 40:].mean() != one[0, :40].mean()
    whole = drawn(EncoderInputConfig(points=256), ENCODER).points
    assert whole is not None
    assert torch.equal(whole[0], torch.from_numpy(RECORD.points).float())


def test_noise_moves_points_but_not_their_colours() -> None:
    clean, moved = (drawn(EncoderInputConfig(points=256, point_noise=s), ENCODER).points for s in (0, 0.01))
    assert clean is not None
    assert moved is not None
    assert torch.equal(moved[..., 3:], clean[..., 3:])
    # 768 draws: their spread is known to 3%
    assert float((moved - clean)[..., :3].std()) == pytest.approx(0.01, rel=0.1)


def test_views_are_read_only_for_those_who_look() -> None:
    assert drawn(EncoderInputConfig(points=64), ENCODER).views is None
    seen = drawn(EncoderInputConfig(points=64, views=3), WITH_VIEWS)
    assert seen.points is not None
    assert seen.views is not None
    assert seen.views.rgb.shape == (1, 3, 8, 8, 3)
    origins = np.stack([camera.origin for camera in RECORD.views().cameras])
    chosen = [int(np.flatnonzero((origins == o.numpy()).all(axis=1))[0]) for o in seen.views.origins[0]]
    assert len(set(chosen)) == 3
    images = torch.from_numpy(RECORD.views().images[chosen]).float() / 255
    assert torch.equal(seen.views.rgb[0], images[..., :3] * 2 - 1)
    assert torch.equal(seen.views.alpha[0], images[..., 3])
    only_views = drawn(EncoderInputConfig(views=3), replace(WITH_VIEWS, points=None))
    assert only_views.points is None


def test_positions_are_those_of_the_surface() -> None:
    seen = drawn(EncoderInputConfig(points=64, views=3), WITH_VIEWS).views
    assert seen is not None
    on_ball = seen.positions[seen.alpha == 1]
    assert len(on_ball) > 10
    # the ball of radius 0.5, found to 1e-3
    torch.testing.assert_close(on_ball.norm(dim=-1), torch.full((len(on_ball),), 0.5), atol=2e-3, rtol=0)


def test_sizes_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="at least 1, got 0 and 20"):
        EncoderInputConfig(points=0)
