"""Rays that see what the pictures show, and their losses against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.render import NerfImage
from shapewright.training.objectives.rendered_rays import (
    RayBatch,
    RenderedRays,
    RenderedRaysConfig,
    ray_losses,
)
from shapewright.training.objectives.tensor_batch import joined
from shapewright.training.objectives.term import DrawnAsset
from tiny_assets import Ball, record_of
from unit.render.solids import WEIGHTS, Solid, sphere

CONFIG = RenderedRaysConfig(rays=300, coarse_samples=24, fine_samples=24)
RECORD = record_of("ball", Ball(0.6), views=3, size_px=16)
BALL = DrawnAsset(record=RECORD, views=RECORD.views)


def drawn(seed: int = 0, **changes: float) -> RayBatch:
    return RenderedRays(replace(CONFIG, **changes)).example(BALL, np.random.default_rng(seed))


def test_a_ray_shows_the_ball_where_it_meets_it() -> None:
    batch = drawn()
    nearest = torch.linalg.cross(batch.origins, batch.directions).norm(dim=-1)
    assert torch.equal(batch.transmittance == 0, nearest < 0.6)
    on_ball = batch.transmittance == 0
    assert float(batch.color[~on_ball].abs().max()) == 0
    # red, under light of 0.3 to 1
    assert bool((batch.color[on_ball][:, 0] > 3 * batch.color[on_ball][:, 1]).all())
    views = RECORD.views()
    known = {tuple(np.round(d, 6)) for camera in views.cameras for d in camera.rays()[1].reshape(-1, 3)}
    assert all(tuple(np.round(d, 6)) in known for d in batch.directions[0].numpy())
    assert len({tuple(o.tolist()) for o in batch.origins[0]}) == 3


def test_rays_meet_the_box() -> None:
    origins, directions = drawn().origins[0], drawn().directions[0]
    # the distance to the middle is at most half the box's diagonal
    assert float(torch.linalg.cross(origins, directions).norm(dim=-1).max()) < math.sqrt(3)
    # and of all pixels of a picture some miss: 4 tan(0.35) = 1.46 is the half side that is seen
    corners = RECORD.views().cameras[0].rays()[1][[0, 0, -1, -1], [0, -1, 0, -1]]
    middle = RECORD.views().cameras[0].origin
    assert float(np.linalg.norm(np.cross(middle, corners), axis=-1).min()) > math.sqrt(3)


def test_a_share_of_the_rays_goes_through_the_asset() -> None:
    plain = float((drawn().transmittance == 0).float().mean())
    assert plain < 0.5
    half = drawn(asset_share=0.5)
    assert bool((half.transmittance[0, :150] == 0).all())
    assert float((half.transmittance[0, 150:] == 0).float().mean()) < 0.5
    assert bool((drawn(asset_share=1.0).transmittance == 0).all())


def test_an_empty_picture_has_rays_too() -> None:
    views = RECORD.views()
    empty = replace(views, images=np.zeros_like(views.images))
    asset = DrawnAsset(record=RECORD, views=lambda: empty)
    batch = RenderedRays(replace(CONFIG, asset_share=0.5)).example(asset, np.random.default_rng(0))
    assert bool((batch.transmittance == 1).all())
    assert batch.color.shape == (1, 300, 3)


def test_half_transparent_pixels_are_mixed_with_black() -> None:
    views = RECORD.views()
    veiled = views.images // np.array([1, 1, 1, 2], dtype=np.uint8)
    asset = DrawnAsset(record=RECORD, views=lambda: replace(views, images=veiled))
    batch = RenderedRays(CONFIG).example(asset, np.random.default_rng(0))
    whole, alpha = drawn(), 127 / 255
    torch.testing.assert_close(batch.color, whole.color * alpha)
    torch.testing.assert_close(1 - batch.transmittance, (1 - whole.transmittance) * alpha)


def test_the_losses_by_hand() -> None:
    batch = RayBatch(
        origins=torch.zeros(1, 2, 3),
        directions=torch.zeros(1, 2, 3),
        color=torch.tensor([[[0.5, 0.0, 0.0], [0.0, 0.0, 0.0]]]),
        transmittance=torch.tensor([[0.0, 1.0]]),
        seeds=torch.zeros(1, dtype=torch.int64),
    )
    nothing = torch.zeros(1, 2)
    coarse = NerfImage(color=torch.zeros(1, 2, 3), transmittance=torch.ones(1, 2), distance=nothing)
    image = NerfImage(
        color=torch.tensor([[[0.7, 0.1, 0.0], [0.0, 0.0, 0.2]]]),
        transmittance=torch.tensor([[0.1, 0.8]]),
        distance=nothing,
        coarse=coarse,
    )
    losses = ray_losses(image, batch, 2.0)
    assert losses["coarse_color"].item() == pytest.approx(0.25)
    assert losses["color"].item() == pytest.approx((0.2 + 0.1 + 0.2) / 2)
    assert losses["coarse_transmittance"].item() == pytest.approx(0.5)
    assert losses["transmittance"].item() == pytest.approx((0.1 + 0.2) / 2)
    assert losses["loss"].item() == pytest.approx(0.25 + 0.25 + 2 * (0.5 + 0.15))
    assert losses["psnr_db"].item() == pytest.approx(-10 * math.log10((0.04 + 0.01 + 0.04) / 6), rel=1e-5)


def test_a_field_that_is_the_ball_has_its_transmittance() -> None:
    batch = drawn()
    losses = RenderedRays(CONFIG).losses(Solid(sphere(0.6), density=200.0), WEIGHTS, batch)
    # rays that graze the ball between two samples are the only ones that can be wrong
    assert losses["transmittance"].item() < 0.02
    # no field at all lets everything pass: wrong by 1 on every ray that meets the ball
    air = RenderedRays(CONFIG).losses(Solid(sphere(-9.0)), WEIGHTS, batch)
    met = float((batch.transmittance == 0).float().mean())
    assert air["transmittance"].item() == air["coarse_transmittance"].item() == pytest.approx(met)
    assert air["color"].item() == pytest.approx(batch.color.sum(dim=-1).mean().item())


def test_samples_follow_from_the_assets_own_seed() -> None:
    term, one, other = RenderedRays(CONFIG), drawn(0), drawn(1)
    alone, beside = term.marks(one), term.marks(joined([other, one]))
    assert torch.equal(beside.coarse[1], alone.coarse[0])
    assert torch.equal(beside.fine[1], alone.fine[0])
    assert not torch.equal(beside.fine[0], alone.fine[0])


def test_parts_do_not_change_the_losses() -> None:
    field, batch = Solid(sphere(0.5)), joined([drawn(0), drawn(1)])
    weights = [w.expand(2, -1, -1) for w in WEIGHTS]
    few, all_ = (
        RenderedRays(replace(CONFIG, rays_at_once=n)).losses(field, weights, batch) for n in (64, 4096)
    )
    torch.testing.assert_close(few["loss"], all_["loss"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"rays": 0}, "rays and rays_at_once"), ({"asset_share": 1.5}, "in 0..1, got 1.5")],
)
def test_settings_that_cannot_be(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(CONFIG, **changes)
