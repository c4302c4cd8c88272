"""Clouds in two stages: seeds, batches, scaling, what the upsampler is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError, ModelError
from shapewright.pointe import POINT_SCALING, PointPrior, StageConfig, draw_points, points_to_clouds
from shapewright.prior import ChannelScaling, Condition
from tiny_points import ADDED_POINTS, BASE_POINTS, GRID, VECTOR, awake_prior, base_stage, upsampler_stage


@pytest.fixture(scope="module")
def base() -> PointPrior:
    return awake_prior(base_stage(text_pooled_width=VECTOR))


@pytest.fixture(scope="module")
def upsampler() -> PointPrior:
    return awake_prior(upsampler_stage(), seed=2)


def text(rows: int) -> Condition:
    return Condition(text_pooled=torch.randn(rows, VECTOR, generator=torch.Generator().manual_seed(1)))


def picture(rows: int) -> Condition:
    return Condition(image_tokens=torch.randn(rows, 4, GRID, generator=torch.Generator().manual_seed(2)))


def test_a_cloud_depends_on_its_seed_and_condition_only(base: PointPrior, upsampler: PointPrior) -> None:
    rows = torch.tensor([2])
    together = draw_points(base, upsampler, text(4), seeds=[5, 6, 7, 8], upsampler_condition=picture(4))
    alone = draw_points(
        base, upsampler, text(4).select(rows), seeds=[7], upsampler_condition=picture(4).select(rows)
    )
    assert together.shape == (4, BASE_POINTS + ADDED_POINTS, 6)
    # positions to 1e-4 of the cube, colours to 1e-4 of their range: rounding of products of fewer rows
    scaled = POINT_SCALING.scale(together)
    torch.testing.assert_close(POINT_SCALING.scale(alone)[0], scaled[2], rtol=1e-4, atol=1e-4)
    assert float((scaled[0] - scaled[1]).abs().max()) > 0.1


def test_the_same_call_gives_the_same_bits_and_touches_no_global_generator(
    base: PointPrior, upsampler: PointPrior
) -> None:
    before = torch.get_rng_state()
    first, second = (
        draw_points(base, upsampler, text(2), seeds=[1, 2], upsampler_condition=picture(2)) for _ in range(2)
    )
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_base_alone_draws_what_the_upsampler_adds_to(base: PointPrior, upsampler: PointPrior) -> None:
    coarse = draw_points(base, None, text(2), seeds=[1, 2])
    both = draw_points(base, upsampler, text(2), seeds=[1, 2], upsampler_condition=picture(2))
    assert torch.equal(both[:, :BASE_POINTS], coarse)


def test_the_upsampler_sees_the_coarse_points_with_their_scaling_undone(
    base: PointPrior, upsampler: PointPrior, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Condition] = []
    embed = upsampler.embed
    monkeypatch.setattr(upsampler, "embed", lambda told, dtype: seen.append(told) or embed(told, dtype))
    guided = replace(upsampler.stage.sampler, guidance=2.0)
    points = draw_points(
        base, upsampler, text(1), seeds=[1], upsampler_condition=picture(1), upsampler_sampler=guided
    )
    low_res, image = seen[0].low_res, seen[0].image_tokens
    assert low_res is not None
    assert image is not None
    # both branches of guidance go on from the same points; only one sees the picture
    assert torch.equal(low_res[:1], points[:, :BASE_POINTS])
    assert torch.equal(low_res[0], low_res[1])
    assert float(image[0].abs().sum()) > 0
    assert float(image[1].abs().sum()) == 0


def test_points_are_clipped_in_the_scaled_space(base: PointPrior) -> None:
    plain = replace(base.stage.sampler, guidance=1.0, churn=0.0)
    points = draw_points(base, None, text(3), seeds=[1, 2, 3], base_sampler=plain)
    # the last step ends at the clipped estimate of x_0; a channel's scale may round
    assert float(points[..., :3].abs().max()) <= 0.5 + 1e-5
    assert float(points[..., 3:].min()) >= -1e-2
    assert float(points[..., 3:].max()) <= 255 + 1e-2


def test_scaling_is_undone_once(base: PointPrior) -> None:
    other = PointPrior(replace(base.stage, scaling=ChannelScaling(scales=(4.0,) * 6, biases=(1.0,) * 6)))
    other.load_state_dict(base.state_dict())
    none = PointPrior(replace(base.stage, scaling=None))
    none.load_state_dict(base.state_dict())
    found, raw = (draw_points(network, None, text(1), seeds=[1]) for network in (other, none))
    torch.testing.assert_close(found, (raw - 1) / 4)
    torch.testing.assert_close(other.scale(found), raw)


def test_progress_counts_both_stages(base: PointPrior, upsampler: PointPrior) -> None:
    seen: list[tuple[int, int]] = []
    draw_points(
        base,
        upsampler,
        text(1),
        seeds=[1],
        upsampler_condition=picture(1),
        on_step=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(done, 5) for done in range(1, 6)]


def test_an_unconditional_base_and_an_upsampler_without_pictures() -> None:
    points = draw_points(
        awake_prior(base_stage()), awake_prior(upsampler_stage(None)), Condition(), seeds=[1, 2]
    )
    assert points.shape == (2, BASE_POINTS + ADDED_POINTS, 6)


def test_clouds_have_colours_in_the_unit_range() -> None:
    points = torch.zeros(1, 3, 6)
    points[0, :, 3:] = torch.tensor([[-20.0, 0.0, 51.0], [255.0, 300.0, 127.5], [0, 0, 0]])
    (cloud,) = points_to_clouds(points)
    np.testing.assert_allclose(cloud.colors, [[0, 0, 0.2], [1, 1, 0.5], [0, 0, 0]], rtol=1e-6)
    assert cloud.positions.dtype == cloud.colors.dtype == np.float32


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_points_that_are_not_finite_are_the_weights_fault(base: PointPrior, value: float) -> None:
    damaged = PointPrior(base.stage)
    damaged.load_state_dict({name: torch.full_like(part, value) for name, part in base.state_dict().items()})
    points = draw_points(damaged, None, text(1), seeds=[1])
    with pytest.raises(ModelError, match="not finite"):
        points_to_clouds(points)


def test_scaling_of_other_channels_is_refused() -> None:
    with pytest.raises(ConfigError, match="6 channels, but 2"):
        StageConfig(prior=base_stage().prior, scaling=ChannelScaling(scales=(1, 1), biases=(0, 0)))
