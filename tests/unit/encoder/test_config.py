"""Encoders that cannot be built are refused."""

import pytest

from shapewright.encoder import Encoder, EncoderConfig, PointBranchConfig, ViewBranchConfig
from shapewright.errors import ConfigError


def test_some_branch_is_needed() -> None:
    with pytest.raises(ConfigError, match="a point branch, a view branch or both"):
        EncoderConfig(points=None, views=None)


def test_heads_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="width 100 is not a multiple of its 8 heads"):
        EncoderConfig(width=100)


def test_patches_have_a_size() -> None:
    with pytest.raises(ConfigError, match="patch_px must be positive, got 0"):
        ViewBranchConfig(patch_px=0)


def test_points_that_are_attended_to_have_the_encoders_width() -> None:
    config = EncoderConfig(width=16, heads=2, points=PointBranchConfig(channels=8), views=None)
    with pytest.raises(ConfigError, match="must have the encoder's width"):
        Encoder(config, latent_tokens=4, latent_channels=4)
