"""Varied assets: points, queries and answers change together and stay true."""

from dataclasses import replace

import numpy as np
import pytest

from shapewright.errors import ConfigError
from shapewright.training.variation import (
    BOX_MARGIN,
    Augmentation,
    Variation,
    VariedAsset,
    stretch_factors,
    vary,
)
from tiny_assets import RED, Ball, Brick, Solid, record_of

QUERIES = slice(0, 512)
MIRROR = Augmentation(mirror=1, recolor=0, scale=0, stretch=0)
STRETCH = Augmentation(mirror=0, recolor=0, scale=1, stretch=0.2)
TURN = Augmentation(mirror=0, recolor=0, scale=0, stretch=0, turn=1)
TIP = Augmentation(mirror=0, recolor=0, scale=0, stretch=0, tip=1)
RECOLOR = Augmentation(mirror=0, recolor=1, scale=0, stretch=0)


def varied(solid: Solid, augmentation: Augmentation, seed: int = 0) -> VariedAsset:
    return vary(record_of("thing", solid), QUERIES, 200, augmentation, np.random.default_rng(seed))


def test_an_asset_as_it_is() -> None:
    record, asset = record_of("thing", Ball()), varied(Ball(), Augmentation.none())
    assert np.array_equal(asset.points, record.points[:200].astype(np.float32))
    assert np.array_equal(asset.queries, record.queries[QUERIES].astype(np.float32))
    assert np.array_equal(asset.signed_distance, record.signed_distance[QUERIES].astype(np.float32))
    assert np.allclose(asset.query_colors, RED, atol=1 / 255)
    assert np.allclose(np.linalg.norm(asset.query_normals, axis=1), 1, atol=0.02)
    assert not asset.recolored
    assert all(getattr(asset, name).dtype == np.float32 for name in ("points", "queries", "query_normals"))


def test_mirrored_twice_is_as_before() -> None:
    plain, mirrored = varied(Brick(), Augmentation.none()), varied(Brick(), MIRROR)
    flip = np.array([-1, 1, 1], dtype=np.float32)
    assert np.array_equal(mirrored.points[:, :3] * flip, plain.points[:, :3])
    assert np.array_equal(mirrored.points[:, 3:], plain.points[:, 3:])
    assert np.array_equal(mirrored.queries * flip, plain.queries)
    assert np.array_equal(mirrored.query_normals * flip, plain.query_normals)
    assert np.array_equal(mirrored.signed_distance, plain.signed_distance)


@pytest.mark.parametrize("seed", range(5))
def test_a_stretched_bricks_distances_are_those_of_the_brick_it_became(seed: int) -> None:
    """Exact next to flat faces, so the queries nearest to edges are left out."""
    brick = Brick((0.6, 0.5, 0.4))
    asset = varied(brick, STRETCH, seed)
    surface = np.abs(asset.points[:, :3]).max(axis=0)
    factors = surface / np.abs(varied(brick, Augmentation.none()).points[:, :3]).max(axis=0)
    assert np.abs(factors - 1).max() > 0.02, "it was stretched"
    became = Brick(tuple(0.6 * factors[:1]) + tuple(0.5 * factors[1:2]) + tuple(0.4 * factors[2:]))
    beside_a_face = ((np.abs(asset.queries) - became.half) > 0).sum(axis=1) == 1
    true = became.distance(asset.queries.astype(np.float64))
    assert beside_a_face.sum() > 100
    # the record's float16 distances and 7-bit normals
    assert np.allclose(asset.signed_distance[beside_a_face], true[beside_a_face], atol=2e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_stretched_ball_keeps_inside_and_outside(seed: int) -> None:
    asset, plain = varied(Ball(0.6), STRETCH, seed), varied(Ball(0.6), Augmentation.none())
    radii = 0.6 * np.median(asset.points[:, :3] / plain.points[:, :3], axis=0)
    assert np.abs(radii / 0.6 - 1).max() > 0.02
    # on an ellipsoid's surface the level is 1: the stretched points are, and its sign tells the side
    assert np.allclose(np.linalg.norm(asset.points[:, :3] / radii, axis=1), 1, atol=2e-3)
    level = 1 - np.linalg.norm(asset.queries / radii, axis=1)
    clear = np.abs(level) > 2e-3
    assert np.array_equal(asset.signed_distance[clear] > 0, level[clear] > 0)
    # near the surface the first order is right: distance is level / |gradient of level|
    near = np.abs(level) < 0.05
    gradient = np.linalg.norm(asset.queries / radii**2, axis=1) / (1 - level)
    assert near.sum() > 50
    assert np.allclose(asset.signed_distance[near], (level / gradient)[near], atol=5e-3)
    # normals are those of the ellipsoid
    normals = asset.queries / radii**2
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert ((normals * asset.query_normals).sum(axis=1)[near] > 0.99).all()


@pytest.mark.parametrize("half", [(0.9, 0.5, 0.3), (1.0, 1.0, 1.0)])
def test_stretched_surfaces_stay_in_the_box(half: tuple[float, float, float]) -> None:
    cloud = record_of("thing", Brick(half)).points.astype(np.float32)
    factors = np.array([stretch_factors(cloud, 0.4, np.random.default_rng(seed)) for seed in range(50)])
    largest = np.abs(cloud[:, :3]).max(axis=0)
    assert (factors * largest <= BOX_MARGIN + 1e-6).all()
    assert (factors >= np.exp(-0.4) - 1e-6).all()
    roomy = largest * np.exp(0.4) < BOX_MARGIN
    assert (factors.max(axis=0)[roomy] > 1.2).all(), "where there is room it grows, too"


@pytest.mark.parametrize("augmentation", [TURN, TIP], ids=["turned", "tipped"])
def test_a_turned_balls_distances_are_those_of_the_ball(augmentation: Augmentation) -> None:
    """A ball off the centre: it moves, and what is asked about it moves along."""
    record = record_of("thing", Ball(0.5))
    moved = replace(record, points=record.points + np.array([0.3, 0.2, 0.1, 0, 0, 0], dtype=np.float16))
    moved = replace(moved, queries=record.queries + np.array([0.3, 0.2, 0.1], dtype=np.float16))
    asset = vary(moved, QUERIES, 200, augmentation, np.random.default_rng(4))
    size = asset.variation.size
    center = asset.variation.matrix @ np.array([0.3, 0.2, 0.1]) * size
    assert not np.allclose(center, [0.3, 0.2, 0.1], atol=0.02)
    radii = np.linalg.norm(asset.points[:, :3] - center, axis=1)
    assert np.allclose(radii, 0.5 * size, atol=4e-3)
    offsets = asset.queries - center
    distance = 0.5 * size - np.linalg.norm(offsets, axis=1)
    assert np.allclose(asset.signed_distance, distance, atol=5e-3)
    outward = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    assert ((outward * asset.query_normals).sum(axis=1) > 0.99).mean() > 0.95


def test_turned_surfaces_stay_in_the_box() -> None:
    for seed in range(20):
        asset = vary(record_of("b", Brick((1.0, 1.0, 0.2))), QUERIES, 200, TURN, np.random.default_rng(seed))
        assert np.abs(asset.points[:, :3]).max() <= BOX_MARGIN + 1e-3
        told = Variation.of_plain(asset.variation.plain())
        assert np.array_equal(told.matrix, asset.variation.matrix)
        assert told.size == asset.variation.size


def test_points_and_queries_get_the_same_new_colour() -> None:
    asset = varied(Ball(), RECOLOR)
    assert asset.recolored
    color = asset.points[0, 3:]
    assert np.abs(color - RED).max() > 0.1
    assert np.allclose(asset.points[:, 3:], color, atol=0.01)
    assert np.allclose(asset.query_colors, color, atol=0.01)


def test_a_draw_follows_from_its_generator() -> None:
    everything = Augmentation(mirror=0.5, recolor=0.5, scale=0.5, stretch=0.2)
    assert np.array_equal(varied(Ball(), everything, 3).points, varied(Ball(), everything, 3).points)
    clouds = {varied(Brick(), everything, seed).points.tobytes() for seed in range(10)}
    assert len(clouds) > 5


def test_the_window_of_queries_does_not_change_the_draw() -> None:
    """A latent that belongs to a draw is taught with other queries each time."""
    record, everything = record_of("thing", Ball()), Augmentation(mirror=1, recolor=1, scale=1, stretch=0.2)
    one, other = (
        vary(record, window, 200, everything, np.random.default_rng(0))
        for window in (slice(0, 1), slice(100, 400))
    )
    assert np.array_equal(one.points, other.points)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mirror": 1.5}, "probabilities must be in 0..1"),
        ({"recolor": -0.1}, "probabilities must be in 0..1"),
        ({"stretch": 0.5}, r"stretch must be in 0..0.5, got 0.5"),
    ],
)
def test_settings_outside_their_range(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Augmentation(**settings)
