"""Volumes from points that are not evenly spread."""

import numpy as np
import pytest
import torch

from shapewright.dataset.field_targets import QUERY_SHARES
from shapewright.evaluation.metrics import volume_iou
from shapewright.evaluation.volume import iou_of_asset, uniform_weights
from shapewright.geometry.sampling import farthest_point_order
from shapewright.pipeline import Pipeline
from tiny_assets import Ball, Brick, Solid, record_of
from tiny_models import random_model

PLATE = (0.9, 0.6, 0.03)


def queries_of(solid: Solid, count: int, rng: np.random.Generator) -> np.ndarray:
    """As the data build draws them."""
    parts = [
        solid.surface(int(share * count), rng) + rng.normal(scale=std, size=(int(share * count), 3))
        for share, std in QUERY_SHARES
    ]
    parts.append(rng.uniform(-1, 1, size=(count - sum(map(len, parts)), 3)))
    return np.concatenate(parts).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize(
    ("solid", "volume", "peel", "left"),
    [(Ball(0.6), 4 / 3 * np.pi * 0.6**3, 0.06, 0.9**3),
     (Brick(PLATE), 8 * np.prod(PLATE), 0.01, np.prod(np.array(PLATE) - 0.01) / np.prod(PLATE))],
    ids=["ball", "plate"],
)  # fmt: skip
def test_weighted_queries_know_volumes(solid: Solid, volume: float, peel: float, left: float) -> None:
    rng = np.random.default_rng(0)
    queries = queries_of(solid, 6144, rng)
    candidates = solid.surface(8192, rng).astype(np.float32)
    weights = uniform_weights(queries, candidates[farthest_point_order(candidates, 4096)])
    distance = solid.distance(queries.astype(np.float64))
    # 6144 queries, most of them near the surface: over four draws these were off by 3% at most
    share = weights[distance > 0].sum() / weights.sum()
    assert share == pytest.approx(volume / 8, rel=0.08)
    assert (distance > 0).mean() > 3 * share  # which the mere count does not know
    assert volume_iou(distance > peel, distance > 0, weights) == pytest.approx(left, abs=0.03)


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
    assert said.any()
    record.signed_distance[7::8] = np.where(said, 1, -1)
    assert 0 < found < 1
    assert iou_of_asset(asset, record) == 1
    record.signed_distance[7::8] *= -1
    assert iou_of_asset(asset, record) == 0
