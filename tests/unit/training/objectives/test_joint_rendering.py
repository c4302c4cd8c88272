"""Pictures of surfaces against pictures of assets."""

import math

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.field import Field
from shapewright.render import SurfaceViews
from shapewright.training.objectives.joint_rendering import (
    JointRendering,
    JointRenderingConfig,
    PictureBatch,
    picture_losses,
    shrunk_on_black,
)
from shapewright.training.objectives.tensor_batch import joined
from shapewright.training.objectives.term import DrawnAsset
from tiny_assets import Ball, record_of
from unit.render.solids import SMALL, WEIGHTS, Solid, sphere

RECORD = record_of("ball", Ball(0.5), views=3, size_px=24)
ASSET = DrawnAsset(record=RECORD, views=RECORD.views)
CONFIG = JointRenderingConfig(views=2, resolution=24)


def drawn(config: JointRenderingConfig = CONFIG, seed: int = 0) -> PictureBatch:
    return JointRendering(config).example(ASSET, np.random.default_rng(seed))


def test_pictures_come_with_their_cameras() -> None:
    batch, views = drawn(), RECORD.views()
    assert batch.color.shape == (1, 2, 24, 24, 3)
    origins = [tuple(camera.origin) for camera in views.cameras]
    for k, camera in enumerate(batch.cameras[0]):
        image = views.images[origins.index(tuple(camera.origin))].astype(np.float32) / 255
        assert np.allclose(batch.color[0, k].numpy(), image[..., :3] * image[..., 3:])
        assert np.array_equal(batch.coverage[0, k].numpy(), image[..., 3])
    assert {tuple(camera.origin) for k in range(9) for camera in drawn(seed=k).cameras[0]} == set(origins)


def test_shrunk_pictures_are_means_over_black() -> None:
    views = RECORD.views()
    views.images[0, :2, :2] = [[[255, 0, 0, 255], [0, 255, 0, 0]], [[0, 0, 255, 51], [255, 255, 255, 0]]]
    small = shrunk_on_black(views, 2)
    assert small.shape == (3, 12, 12, 4)
    assert small[0, 0, 0] == pytest.approx([1 / 4, 0, 0.2 / 4, 1.2 / 4])
    batch = drawn(JointRenderingConfig(views=1, shrink=2))
    assert batch.cameras[0][0].width_px == batch.color.shape[2] == 12


def test_the_losses_by_hand() -> None:
    batch = PictureBatch(
        color=torch.zeros(1, 1, 1, 2, 3), coverage=torch.tensor([[[[0.0, 1.0]]]]), cameras=[[]]
    )
    color = torch.tensor([[[[0.5, 0.1, 0.0], [0.0, 0.0, 0.2]]]])
    views = SurfaceViews(color=color, coverage=torch.tensor([[[0.3, 0.6]]]))
    losses = picture_losses([views], batch, 3.0)
    assert losses["color"].item() == pytest.approx((0.26 + 0.04) / 2)
    assert losses["coverage"].item() == pytest.approx((0.09 + 0.16) / 2)
    assert losses["loss"].item() == pytest.approx(0.15 + 3 * 0.125)
    assert losses["psnr_db"].item() == pytest.approx(-10 * math.log10(0.05), rel=1e-5)


def test_a_field_that_is_the_ball_covers_its_pixels() -> None:
    term, batch = JointRendering(CONFIG), joined([drawn(), drawn(seed=1)])
    weights = [w.expand(2, -1, -1) for w in WEIGHTS]
    right, larger = (term.losses(Solid(sphere(r)), weights, batch) for r in (0.5, 0.7))
    # the outline is 24 of 576 pixels long, and the pictures here are not smoothed: at most half of each
    assert right["coverage"].item() < 0.25 * 24 / 576 * math.pi
    # the ring between the balls, in pixels of 2 * 1.46 / 23 at a distance of 4
    ring = math.pi * (0.7**2 - 0.5**2) / (2 * 1.46 / 23) ** 2 / 576
    assert larger["coverage"].item() == pytest.approx(ring, rel=0.2)


def test_gradients_reach_the_field() -> None:
    torch.manual_seed(0)
    field = Field(SMALL)
    with torch.no_grad():
        field.mlp.linears()[-1].bias[0] = 0.0  # a surface somewhere
    weights = [w.detach().requires_grad_() for w in field.weights(torch.randn(1, 4, 4))]
    JointRendering(CONFIG).losses(field, weights, drawn())["loss"].backward()
    assert all(w.grad is not None and bool(w.grad.any()) for w in weights)


def test_nothing_cannot_be_looked_at() -> None:
    with pytest.raises(ConfigError, match="at least 1, got 0 and 1"):
        JointRenderingConfig(views=0)
