"""Losses against closed forms, batches that fit together, and a tiny model that learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.field import FieldOutput
from shapewright.geometry.light import shade
from shapewright.nn.draws import Share, ShareGenerator
from shapewright.nn.point_conv import ball_query
from shapewright.training.objectives.field_supervision import (
    FieldBatch,
    FieldSupervision,
    FieldSupervisionConfig,
    field_losses,
)
from shapewright.training.recipes.encoder import tiny
from shapewright.training.variation import Augmentation
from tiny_assets import shelf

CONFIG = FieldSupervisionConfig(
    points=200, queries=100, neighbor_pool=20, point_noise=0.0, augmentation=Augmentation.none()
)
TRUNCATION, SCALE = 0.03, 150.0


def answers(*distances: float) -> FieldBatch:
    """Queries at these distances, of which the first is red and lit as such, the rest grey."""
    count = len(distances)
    colors = torch.full((1, count, 3), 0.5)
    colors[0, 0] = torch.tensor([0.8, 0.2, 0.1])
    return FieldBatch(
        names=["a"],
        points=torch.zeros(1, 4, 6),
        neighbors=torch.zeros(1, 2, 2, dtype=torch.int64),
        queries=torch.zeros(1, count, 3),
        signed_distance=torch.tensor([distances]),
        colors=colors,
        lit=colors * 0.5,
    )


def perfect_raw(batch: FieldBatch) -> torch.Tensor:
    distance = batch.signed_distance[..., None]
    coarse, fine = ((distance + shift).div(0.012).clamp(-1, 1) * SCALE for shift in (0.01, 0.0))
    colors = [torch.logit(color) for color in (batch.colors, batch.lit, batch.lit)]
    return torch.cat([distance / TRUNCATION, coarse, fine, *colors], dim=-1)


def losses_of(raw: torch.Tensor, batch: FieldBatch, **changes: float) -> dict[str, torch.Tensor]:
    config = replace(CONFIG, **changes)
    return field_losses(FieldOutput(raw=raw), batch, config, truncation=TRUNCATION, density_scale=SCALE)


def test_the_true_field_is_where_the_loss_is_smallest() -> None:
    batch = answers(0.04, 0.01, 0.0, -0.005, -0.03, -0.5)
    raw = perfect_raw(batch).requires_grad_()
    losses = losses_of(raw, batch)
    for name in ("density", "stf_color", "nerf_color"):
        assert losses[name].item() == pytest.approx(0, abs=1e-6)
    assert losses["iou"].item() == 1
    (gradient,) = torch.autograd.grad(losses["signed_distance"], raw)
    assert float(gradient.abs().max()) < 1e-6
    for shift in (-0.2, 0.2):
        moved = raw.detach() + shift * torch.eye(12)[0]
        assert losses_of(moved, batch)["signed_distance"] > losses["signed_distance"]


def test_the_losses_by_hand() -> None:
    batch = answers(0.02, -0.06)
    losses = losses_of(torch.zeros(1, 2, 12), batch)
    # an output of 0 says "on the surface": the cross-entropy of a fair coin
    assert losses["signed_distance"].item() == pytest.approx(np.log(2))
    # |coarse| is 1 and 1, |fine| 1 and 1: both are beyond the ramp
    assert losses["density"].item() == pytest.approx(2)
    weights = np.exp([-0.02 / 0.03, -0.06 / 0.03])
    # colours of 0.5 against (0.8, 0.2, 0.1) and 0.5
    stf = weights[0] * (0.3 + 0.3 + 0.4) / (3 * weights.sum())
    assert losses["stf_color"].item() == pytest.approx(stf)
    lit = (weights[0] * (0.1 + 0.4 + 0.45) + weights[1] * 0.75) / (3 * weights.sum())
    assert losses["nerf_color"].item() == pytest.approx(lit)
    assert losses["iou"].item() == 0  # 0 is not inside
    total = np.log(2) + 0.2 * 2 + 1.5 * (stf + lit)
    assert losses["loss"].item() == pytest.approx(total)
    only = losses_of(torch.zeros(1, 2, 12), batch, density_weight=0.0, color_weight=0.0)
    assert only["loss"].item() == pytest.approx(np.log(2))


def test_densities_beside_their_ramps() -> None:
    batch = answers(-0.004)
    losses = losses_of(torch.zeros(1, 1, 12), batch)
    # the coarse surface lies 0.01 further out, so the point is inside it
    assert losses["density"].item() == pytest.approx(0.006 / 0.012 + 0.004 / 0.012, rel=1e-5)


def test_iou_of_half() -> None:
    raw = torch.zeros(1, 3, 12)
    raw[0, :, 0] = torch.tensor([1.0, 1.0, -1.0])
    assert losses_of(raw, answers(0.1, -0.1, -0.1))["iou"].item() == 0.5


@pytest.fixture(scope="module")
def objective() -> FieldSupervision:
    torch.manual_seed(0)
    return FieldSupervision(Autoencoder(tiny().model), shelf(), CONFIG, batch_size=6, seed=1)


def test_a_batch_is_records_and_their_answers(objective: FieldSupervision) -> None:
    batch = objective.batch(0)
    records = {record.id: record for record in shelf()}
    assert sorted(batch.names) == sorted(records)
    for row, name in enumerate(batch.names):
        record = records[name]
        assert torch.equal(batch.points[row], torch.from_numpy(record.points[:200]).float())
        asked = record.queries.astype(np.float32)
        start = int(np.flatnonzero((asked == batch.queries[row, 0].numpy()).all(axis=1))[0])
        window = slice(start, start + 100)
        assert np.array_equal(batch.queries[row].numpy(), asked[window])
        assert np.array_equal(batch.signed_distance[row].numpy(), record.signed_distance[window].astype("f4"))
        colors, normals = record.query_colors[window] / 255, record.query_normals[window] / 127
        assert np.allclose(batch.colors[row].numpy(), colors)
        assert np.allclose(batch.lit[row].numpy(), shade(colors, normals), atol=1e-5)


def test_neighbours_are_drawn_from_those_that_would_be_found(objective: FieldSupervision) -> None:
    batch, conv = objective.batch(0), objective.conv
    xyz = batch.points[..., :3]
    near = ball_query(xyz, xyz[:, : conv.centers], conv.radius, CONFIG.neighbor_pool)
    assert batch.neighbors.shape == (6, conv.centers, conv.neighbors)
    for row in range(6):
        for drawn, pool in zip(batch.neighbors[row].tolist(), near[row].tolist(), strict=True):
            assert all(drawn.count(i) <= pool.count(i) for i in drawn)
    again = objective.batch(1)
    assert not torch.equal(again.neighbors, batch.neighbors)


def test_a_batch_follows_from_seed_and_step(objective: FieldSupervision) -> None:
    one, again, other = objective.batch(3), objective.batch(3), objective.batch(4)
    assert one.names == again.names
    assert torch.equal(one.queries, again.queries)
    assert torch.equal(one.neighbors, again.neighbors)
    assert not torch.equal(one.queries, other.queries)


def test_noise_moves_points_but_not_their_colours(objective: FieldSupervision) -> None:
    noisy = FieldSupervision(
        objective.model, shelf(), replace(CONFIG, point_noise=0.01), batch_size=6, seed=1
    )
    clean, moved = objective.batch(0).points, noisy.batch(0).points
    assert torch.equal(moved[..., 3:], clean[..., 3:])
    assert float((moved - clean)[..., :3].std()) == pytest.approx(0.01, rel=0.1)


def test_a_batch_moves_to_a_device_whole(objective: FieldSupervision) -> None:
    moved = objective.batch(0).to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 6
    assert all(tensor.device.type == "meta" for tensor in tensors)


def test_a_tiny_model_learns_the_shelf() -> None:
    torch.manual_seed(0)
    recipe = tiny()
    config = replace(recipe.objective, augmentation=Augmentation.none())
    objective = FieldSupervision(Autoencoder(recipe.model), shelf(), config, batch_size=6)
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=3e-3)
    history: list[dict[str, float]] = []
    for step in range(50):
        losses = objective.losses(objective.model, objective.batch(step), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        history.append({name: value.item() for name, value in losses.items()})
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["iou"] > 0.3
    # red ones and blue ones are told apart: one colour for all would leave 0.3
    assert history[-1]["stf_color"] < 0.05


def test_thickening_moves_every_surface_outwards() -> None:
    records = shelf()
    model = Autoencoder(tiny().model)
    plain, thick = (
        FieldSupervision(model, records, replace(CONFIG, thickening=by), batch_size=2).batch(0)
        for by in (0.0, 0.01)
    )
    assert torch.equal(plain.queries, thick.queries)
    assert torch.allclose(thick.signed_distance, plain.signed_distance + 0.01)


def test_shares_put_together_are_the_batch_and_its_loss(objective: FieldSupervision) -> None:
    whole, parts = objective.batch(2), [objective.batch_share(2, Share(i, 3)) for i in range(3)]
    assert [name for part in parts for name in part.names] == whole.names
    for name in ("points", "neighbors", "queries", "signed_distance", "colors", "lit"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    shares = [ShareGenerator(0, Share(i, 3), torch.device("cpu")) for i in range(3)]
    model = objective.model.train()
    expected = objective.losses(model, whole, torch.Generator().manual_seed(0))["loss"]
    losses = [objective.losses(model, part, share)["loss"] for part, share in zip(parts, shares, strict=True)]
    # sums in another order
    assert sum(loss.item() for loss in losses) / 3 == pytest.approx(expected.item(), rel=1e-5)
