"""The SDF model's batches and loss."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.pointe import PointCloudSdf
from shapewright.training.objectives.point_sdf import PointSdf, PointSdfConfig, sdf_losses
from shapewright.training.recipes.points import SDF_RECIPES
from shapewright.training.variation import Augmentation
from tiny_assets import Ball, record_of, shelf

TINY = SDF_RECIPES["tiny"]()
PLAIN = PointSdfConfig(cloud=256, queries=64, point_noise=0.0, augmentation=Augmentation.none())


def objective_of(config: PointSdfConfig, **sizes: int) -> PointSdf:
    torch.manual_seed(0)
    return PointSdf(PointCloudSdf(replace(TINY.model, **sizes)), shelf(), config, batch_size=6)


def plain_loss(said: Tensor, targets: Tensor, too_large_weight: float) -> float:
    """The loss written out, number by number."""
    total = 0.0
    for value, target in zip(said.flatten().tolist(), targets.flatten().tolist(), strict=True):
        total += abs(value - target) * (too_large_weight if value > target else 1.0)
    return total / said.numel()


def test_too_large_weighs_more_than_too_small() -> None:
    targets = torch.tensor([[0.2, -0.1, 0.0, -0.3]])
    said = torch.tensor([[0.1, 0.1, 0.0, -0.3]])
    losses = sdf_losses(said, targets, too_large_weight=4.0)
    assert losses["loss"].item() == pytest.approx((0.1 + 4 * 0.2) / 4)
    assert losses["error"].item() == pytest.approx((0.1 + 0.2) / 4)
    assert losses["iou"].item() == pytest.approx(1 / 2)  # one is inside and said to be, one only said to be


@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_the_loss_and_its_plain_twin(weight: float) -> None:
    generator = torch.Generator().manual_seed(0)
    said, targets = torch.randn(3, 40, generator=generator), torch.randn(3, 40, generator=generator)
    loss = sdf_losses(said, targets, too_large_weight=weight)["loss"].item()
    assert loss == pytest.approx(plain_loss(said, targets, weight), rel=1e-5)  # sums of 120 in fp32


def test_where_it_is_in_doubt_the_model_says_outside() -> None:
    """The best constant for targets that are evenly -1..1 is that with four times as much above as below."""
    targets = torch.linspace(-1, 1, 1001)[None]
    said = torch.linspace(-1, 1, 201)
    losses = [sdf_losses(torch.full_like(targets, c), targets, too_large_weight=4.0)["loss"] for c in said]
    assert float(said[int(torch.stack(losses).argmin())]) == pytest.approx(-0.6, abs=0.011)


def test_the_targets_are_distances_in_point_es_frame() -> None:
    solid = Ball(0.6)
    objective = objective_of(PLAIN)
    objective.records = [record_of("ball", solid)]
    objective.batch_size = 1
    batch = objective.batch(0)
    assert (batch.positions.shape, batch.queries.shape) == ((1, 256, 3), (1, 64, 3))
    radius = torch.linalg.vector_norm(batch.positions, dim=-1)
    # half precision in the record: 2^-11 of 0.6
    torch.testing.assert_close(radius, torch.full_like(radius, 0.3), rtol=0, atol=5e-4)
    expected = 0.3 - torch.linalg.vector_norm(batch.queries, dim=-1)
    torch.testing.assert_close(batch.targets, expected, rtol=0, atol=5e-4)


def test_targets_are_scaled_and_bounded() -> None:
    plain, bounded = objective_of(PLAIN), objective_of(replace(PLAIN, distance_scale=10.0, truncation=0.05))
    free, targets = plain.batch(0).targets, bounded.batch(0).targets
    torch.testing.assert_close(targets, 10 * free.clamp(-0.05, 0.05))
    assert float(targets.abs().max()) == pytest.approx(0.5)


def test_points_are_chosen_and_moved_at_random() -> None:
    few = objective_of(PLAIN, points=32)
    first, second = few.batch(0), few.batch(1)
    assert first.positions.shape == (6, 32, 3)
    assert first.names != second.names or not torch.equal(first.positions, second.positions)
    assert torch.equal(few.batch(0).positions, first.positions)
    noisy = objective_of(replace(PLAIN, point_noise=0.01), points=32)
    moved = (noisy.batch(0).positions - first.positions).std().item()
    assert moved == pytest.approx(0.01, rel=0.15)  # of 576 numbers: 3 % is one sigma
    assert torch.equal(noisy.batch(0).targets, first.targets)


def test_the_network_learns() -> None:
    objective = objective_of(replace(TINY.objective, queries=128), points=64)
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=2e-3)
    history: list[float] = []
    for step in range(20):
        losses = objective.losses(objective.model, objective.batch(step), torch.Generator())
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        history.append(losses["loss"].item())
    assert sum(history[-5:]) < 0.8 * sum(history[:5])  # 0.59 was measured


def test_runs_of_queries_are_drawn() -> None:
    objective = objective_of(PLAIN)
    record = objective.records[0]
    asked = {float(objective.example(record, np.random.default_rng(i))[1][0, 0]) for i in range(8)}
    assert len(asked) > 4
    assert asked <= {float(x) / 2 for x in record.queries[:, 0]}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cloud": 0}, "cloud"),
        ({"queries": 0}, "queries"),
        ({"too_large_weight": 0.0}, "too_large_weight"),
        ({"distance_scale": -1.0}, "distance_scale"),
        ({"point_noise": -0.1}, "point_noise"),
        ({"truncation": 0.0}, "truncation"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PointSdfConfig(**settings)
