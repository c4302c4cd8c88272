"""Volumes from points that are not evenly spread."""

import numpy as np
import pytest
import torch

from shapewright.dataset.field_targets import QUERY_SHARES
from shapewright.evaluation.metrics import volume_iou
from shapewright.evaluation.volume import iou_of_asset, uniform_weights
from shapewright.pipeline import Pipeline
from tiny_assets import Ball, record_of
from tiny_models import random_model


def queries_of(ball: Ball, count: int, rng: np.random.Generator) -> np.ndarray:
    """As the data build draws them."""
    parts = [
        ball.surface(int(share * count), rng) + rng.normal(scale=std, size=(int(share * count), 3))
        for share, std in QUERY_SHARES
    ]
    parts.append(rng.uniform(-1, 1, size=(count - sum(map(len, parts)), 3)))
    return np.concatenate(parts).clip(-1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Queries around a ball, and their weights."""
    rng, ball = np.random.default_rng(0), Ball(0.6)
    queries = queries_of(ball, 6000, rng)
    return queries, uniform_weights(queries, ball.surface(2000, rng).astype(np.float32))


def test_weighted_queries_know_the_volume_of_a_ball(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    queries, weights = drawn
    inside = np.linalg.norm(queries, axis=1) < 0.6
    share = weights[inside].sum() / weights.sum()
    assert share == pytest.approx(4 / 3 * np.pi * 0.6**3 / 8, rel=0.05)
    assert inside.mean() > 3 * share  # which the mere count does not


def test_iou_of_two_balls_one_in_the_other(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    queries, weights = drawn
    distance = np.linalg.norm(queries, axis=1)
    assert volume_iou(distance < 0.54, distance < 0.6, weights) == pytest.approx(0.9**3, abs=0.03)


def test_iou_of_a_field_is_that_of_its_signs() -> None:
    pipeline, record = Pipeline(random_model(with_prior=False)), record_of("ball", Ball(), queries=4096)
    sizes = pipeline.model.config.autoencoder.field
    latent = torch.zeros(sizes.latent_tokens, sizes.latent_channels)
    asset = pipeline.asset(latent, prompt="", seed=None, settings={})
    found = iou_of_asset(asset, record)
    field = pipeline.model.autoencoder.field
    held = torch.from_numpy(record.queries[7::8].astype(np.float32))[None]
    with torch.no_grad():
        said = (field.query(field.weights(latent[None]), held).raw[0, :, 0] > 0).numpy()
    record.signed_distance[7::8] = np.where(said, 1, -1)
    assert 0 < found < 1
    assert iou_of_asset(asset, record) == 1
    record.signed_distance[7::8] *= -1
    assert iou_of_asset(asset, record) == 0
