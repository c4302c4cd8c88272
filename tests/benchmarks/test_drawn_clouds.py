"""Clouds of either rival and their scores, on solids whose kind and colour are known."""

import numpy as np
import pytest
import torch

from benchmarks.scripts import script
from shapewright.pointe import PointPrior
from shapewright.prior import Condition, SamplerConfig
from tiny_assets import shelf
from tiny_points import awake_prior, base_stage

DRAWN = script("drawn_clouds")
POINTS = 48


def real(asked: int = 2):
    records = shelf()
    return DRAWN.Real.of(records, records[:asked], POINTS)


def wishes_for(records: list, *, household: int) -> list:
    """What each record is, the first ones as household wishes."""
    words = [(record.nouns or [record.name.lower().split()[-1]])[0] for record in records]
    return [
        DRAWN.Wish(text=word, nouns=(word,), asset=None if place < household else record.id)
        for place, (word, record) in enumerate(zip(words, records, strict=True))
    ]


def test_wishes_are_prompts_and_captions() -> None:
    household = DRAWN.household_wishes(2)
    assert len(household) == 48
    assert household[0] == household[1]
    records = shelf()
    asked = DRAWN.reference_wishes(records, 3)
    assert asked == DRAWN.reference_wishes(records, 3)
    texts = {record.id: record.texts() for record in records}
    assert all(wish.text in texts[wish.asset] for wish in asked)


def test_real_clouds_are_of_the_right_kind_and_as_near_as_can_be() -> None:
    records = shelf()
    bounds = DRAWN.Real.of(records, records[-2:], POINTS)
    wishes = wishes_for(records, household=len(records) - 2)
    clouds = DRAWN.clouds_of_records(records, POINTS, seed=5)
    found = DRAWN.scores(bounds, [*wishes, colored("red")], np.concatenate([clouds, clouds[-1:]]))
    assert found["kind"] > 0.7
    assert found["empty"] == 0
    assert found["coverage"] == 1
    nonsense = DRAWN.scores(bounds, [*wishes, colored("red")], np.concatenate([clouds, clouds[-1:]]) * 3)
    assert nonsense["nearest"] > 3 * found["nearest"]


def colored(color: str):
    return DRAWN.Wish(text=f"something {color}", nouns=("nothing",), color=color)


def test_colours_are_those_of_the_points() -> None:
    cloud = DRAWN.clouds_of_records(shelf()[:1], POINTS)
    cloud[..., 3:] = (0.9, 0.1, 0.1)
    found = DRAWN.obedience(real(), [colored("red"), colored("blue")], np.repeat(cloud, 2, axis=0))
    assert found.colored.tolist() == [True, False]


def test_an_asset_that_is_left_out_is_not_its_own_neighbour() -> None:
    records, clouds = shelf(), DRAWN.clouds_of_records(shelf(), POINTS, seed=5)
    wishes = wishes_for(records, household=len(records))
    near = DRAWN.obedience(real(), wishes, clouds)
    apart = DRAWN.obedience(real(), wishes, clouds, [record.id for record in records])
    assert (apart.nearest > near.nearest).all()


def test_a_sample_without_a_surface_obeys_nothing() -> None:
    clouds = DRAWN.clouds_of_records(shelf()[:2], POINTS)
    clouds[1] = 0
    found = DRAWN.obedience(real(), wishes_for(shelf()[:2], household=2), clouds)
    assert found.there.tolist() == [True, False]
    assert not found.right[1]


def test_points_come_in_the_frame_of_the_data() -> None:
    prior = awake_prior(base_stage())
    assert isinstance(prior, PointPrior)
    told = Condition(text_pooled=torch.zeros(3, 8))
    prior = awake_prior(base_stage(text_pooled_width=8))
    sampler = SamplerConfig(steps=2, guidance=1.0, method="euler", sigma_max=80.0, clip=1.0)
    clouds = DRAWN.drawn_clouds_of_points(prior, told, sampler)
    assert clouds.shape == (3, prior.config.latent_tokens, 6)
    # a last step of Euler's gives the clipped estimate itself
    assert np.abs(clouds[..., :3]).max() <= 1 + 1e-5
    assert clouds[..., 3:].min() >= 0
    assert clouds[..., 3:].max() <= 1
    assert not np.array_equal(clouds[0], clouds[1])
    with pytest.raises(AssertionError, match="every sample is told something"):
        DRAWN.drawn_clouds_of_points(awake_prior(base_stage()), Condition(), sampler)


def test_the_extent_is_that_of_the_clouds_and_not_where_they_are() -> None:
    bounds = real()
    clouds = bounds.clouds * [0.5, 0.5, 0.5, 1, 1, 1] + [2, 0, 0, 0, 0, 0]
    assert DRAWN.extent(bounds, clouds) == pytest.approx(0.5, rel=1e-5)
    assert DRAWN.extent(bounds, np.zeros_like(clouds)) == 0
