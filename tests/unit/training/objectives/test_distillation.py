"""Losses at queries against closed forms."""

import math

import numpy as np
import pytest
import torch

from shapewright.errors import ConfigError
from shapewright.field import FieldOutput
from shapewright.geometry.light import shade
from shapewright.training.objectives.distillation import Distillation, DistillationConfig, distillation_losses
from shapewright.training.objectives.queries import QueryBatch, draw_queries
from shapewright.training.objectives.term import DrawnAsset
from tiny_assets import Ball, record_of
from unit.render.solids import WEIGHTS, Solid, sphere

RECORD = record_of("ball", Ball(0.5), queries=400)


def answers(*distances: float) -> QueryBatch:
    colors = torch.full((1, len(distances), 3), 0.5)
    colors[0, 0] = torch.tensor([0.8, 0.2, 0.1])
    return QueryBatch(
        queries=torch.zeros(1, len(distances), 3),
        signed_distance=torch.tensor([distances]),
        colors=colors,
        lit=colors,
    )


@pytest.mark.parametrize("truncation", [None, 0.1])
def test_the_true_field_has_no_loss(truncation: float | None) -> None:
    batch = answers(0.04, 0.0, -0.3)
    distance = batch.signed_distance[..., None]
    raw = torch.atanh(distance) if truncation is None else distance / truncation
    color = torch.logit(batch.colors)
    output = FieldOutput(raw=torch.cat([raw, torch.zeros(1, 3, 2), color, color, color], dim=-1))
    losses = distillation_losses(output, batch, 1.0, truncation=truncation)
    assert losses["loss"].item() == pytest.approx(0, abs=1e-6)
    assert losses["iou"].item() == 1


def test_the_losses_by_hand() -> None:
    # an output of 0 says "on the surface, grey"
    losses = distillation_losses(
        FieldOutput(raw=torch.zeros(1, 2, 12)), answers(0.05, -0.2), 2.0, truncation=0.1
    )
    apart = (math.tanh(0.5) + math.tanh(2.0)) / 2
    assert losses["signed_distance"].item() == pytest.approx(apart)
    assert losses["color"].item() == pytest.approx((0.3 + 0.3 + 0.4) / 2)
    assert losses["loss"].item() == pytest.approx(apart + 2 * 0.5)
    assert losses["iou"].item() == 0
    plain = distillation_losses(
        FieldOutput(raw=torch.zeros(1, 2, 12)), answers(0.05, -1.7), 0.0, truncation=None
    )
    # what no tanh can say is not asked for
    assert plain["loss"].item() == pytest.approx((0.05 + 1.0) / 2)


def test_queries_come_with_their_answers() -> None:
    batch = draw_queries(RECORD, 100, np.random.default_rng(3))
    asked = RECORD.queries.astype(np.float32)
    start = int(np.flatnonzero((asked == batch.queries[0, 0].numpy()).all(axis=1))[0])
    window = slice(start, start + 100)
    assert np.array_equal(batch.queries[0].numpy(), asked[window])
    assert np.array_equal(batch.signed_distance[0].numpy(), RECORD.signed_distance[window].astype("f4"))
    colors, normals = RECORD.query_colors[window] / 255, RECORD.query_normals[window] / 127
    assert np.allclose(batch.colors[0].numpy(), colors)
    assert np.allclose(batch.lit[0].numpy(), shade(colors, normals), atol=1e-5)
    starts = {draw_queries(RECORD, 100, np.random.default_rng(k)).queries[0, 0, 0].item() for k in range(8)}
    assert len(starts) > 4


def test_a_field_that_is_the_ball_is_told_from_another() -> None:
    term = Distillation(DistillationConfig(queries=300))
    batch = term.example(DrawnAsset(record=RECORD, views=RECORD.views), np.random.default_rng(0))
    right, larger = (term.losses(Solid(sphere(r)), WEIGHTS, batch) for r in (0.5, 0.6))
    # half floats keep distances below 1 to 0.0005, which a truncation of 0.1 makes ten times as large
    assert right["signed_distance"].item() < 0.005
    assert right["iou"].item() > 0.97
    assert larger["signed_distance"].item() > 0.1


def test_nothing_cannot_be_asked() -> None:
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        DistillationConfig(queries=0)
