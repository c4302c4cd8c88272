"""The base's and the upsampler's batches and losses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapewright.diffusion.losses import denoising_loss
from shapewright.errors import ConfigError
from shapewright.pointe import PointPrior
from shapewright.prior import Condition
from shapewright.training.conditions import CaptionConditions, CaptionFeatures, Conditions
from shapewright.training.objectives.point_denoising import (
    PointDenoising,
    PointDenoisingConfig,
    points_taken,
)
from shapewright.training.point_conditions import Nothing
from shapewright.training.point_draws import PointDraws
from shapewright.training.recipes.point_recipe import StageRecipe
from shapewright.training.recipes.points import BASE_RECIPES, UPSAMPLER_RECIPES
from tiny_assets import shelf
from tiny_models import FakeText


def objective_of(
    recipe: StageRecipe, *, batch_size: int = 6, drop: float = 0.0, **prior: Any
) -> PointDenoising:
    torch.manual_seed(0)
    draws = PointDraws(records=shelf(), points=recipe.objective.cloud, draws=2)
    told: Conditions = Nothing()
    if recipe.condition == "text":
        captions = draws.captions()
        features = CaptionFeatures([text for own in captions for text in own], FakeText(), tokens=False)
        told = CaptionConditions(captions, features)
    stage = replace(recipe.stage, prior=replace(recipe.stage.prior, **prior))
    config = replace(recipe.objective, condition_drop=drop)
    return PointDenoising(PointPrior(stage), draws, told, config, batch_size=batch_size)


def base(**changes: Any) -> PointDenoising:
    return objective_of(BASE_RECIPES["tiny"]("text"), **changes)


def upsampler(**changes: Any) -> PointDenoising:
    return objective_of(UPSAMPLER_RECIPES["tiny"](None), **changes)


def rows(points: Tensor) -> set[tuple[float, ...]]:
    """Points as a set; rounded, since scaling to and fro costs a bit of the last of seven digits."""
    return {tuple(np.round(point, 3).tolist()) for point in points.double().numpy()}


def test_a_base_learns_a_random_part_of_a_cloud() -> None:
    objective = base()
    first, second = objective.batch(0), objective.batch(2)  # an epoch of twelve entries is two batches
    assert first.points.shape == (6, 64, 6)
    assert first.condition.low_res is None
    assert bool((first.points.abs() <= 1).all())
    names = [record.id for record in objective.draws.records]
    clouds = [rows(torch.from_numpy(objective.draws.cloud(entry))) for entry in range(12)]
    for batch in (first, second):
        for name, points in zip(batch.names, batch.points, strict=True):
            part = rows(objective.model.restore(points))
            owners = {entry % 6 for entry, cloud in enumerate(clouds) if part <= cloud}
            assert owners == {names.index(name)}
            assert len(part) == 64
    again = objective.batch(0)
    assert torch.equal(again.points, first.points)
    assert torch.equal(again.condition.text_pooled, first.condition.text_pooled)


def test_an_upsampler_is_given_a_part_and_learns_the_rest() -> None:
    objective = upsampler()
    batch = objective.batch(0)
    given = batch.condition.low_res
    assert given is not None
    assert (given.shape, batch.points.shape) == ((6, 64, 6), (6, 192, 6))
    clouds = [rows(torch.from_numpy(objective.draws.cloud(entry))) for entry in range(12)]
    for coarse, points in zip(given, batch.points, strict=True):
        # what is given is not scaled: the network does that with its own stored scales
        assert rows(coarse) | rows(objective.model.restore(points)) in clouds
    assert not torch.equal(given[0, :3], objective.batch(2).condition.low_res[0, :3])


class Oracle(nn.Module):
    """Answers with numbers that it was given, and keeps what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer, self.asked = answer, list[tuple[Tensor, Tensor, Condition]]()

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        self.asked.append((x, t, condition))
        return self.answer


def drawn(seed: int, shape: torch.Size, timesteps: int) -> tuple[Tensor, Tensor]:
    """Times and noise as a step with that seed has them."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.randint(0, timesteps, (shape[0],), generator=generator)
    return t, torch.randn(shape, generator=generator)


@pytest.mark.parametrize("kind", [base, upsampler])
def test_noise_is_what_is_asked_for(kind: Any) -> None:
    objective = kind(predict_variance=False)
    batch = objective.batch(0)
    t, noise = drawn(3, batch.points.shape, 1024)
    knowing, ignorant = Oracle(noise[:, None]), Oracle(torch.zeros_like(noise)[:, None])
    assert objective.losses(knowing, batch, torch.Generator().manual_seed(3))["loss"].item() == 0
    losses = objective.losses(ignorant, batch, torch.Generator().manual_seed(3))
    assert losses["loss"].item() == pytest.approx(noise.square().mean().item())
    alpha_bar = objective.model.diffusion.alphas_cumprod[t].float()[:, None, None]
    x_t = alpha_bar.sqrt() * batch.points + (1 - alpha_bar).sqrt() * noise
    torch.testing.assert_close(knowing.asked[0][0], x_t)
    assert torch.equal(knowing.asked[0][1], t)


def test_the_variance_is_learnt_beside() -> None:
    objective = base()
    batch = objective.batch(0)
    t, noise = drawn(3, batch.points.shape, 1024)
    answer = torch.stack([0.5 * noise, torch.full_like(noise, 0.3)], dim=1)
    losses = objective.losses(Oracle(answer), batch, torch.Generator().manual_seed(3))
    result = denoising_loss(
        objective.model.diffusion, answer[:, 0], answer[:, 1], x0=batch.points, t=t, noise=noise
    )
    assert losses["squared_error"].item() == pytest.approx(0.25 * noise.square().mean().item())
    assert losses["loss"].item() == pytest.approx(result.total.mean().item())
    assert losses["loss"] > losses["squared_error"]


def test_what_is_told_is_dropped_but_not_what_is_refined() -> None:
    objective = base(batch_size=64, drop=0.5)
    batch, oracle = objective.batch(0), Oracle(torch.zeros(64, 2, 64, 6))
    objective.losses(oracle, batch, torch.Generator().manual_seed(0))
    told = oracle.asked[0][2].text_pooled
    assert told is not None
    dropped = ~told.any(dim=1)
    assert float(dropped.float().mean()) == pytest.approx(0.5, abs=0.25)  # 4 sigma of 64
    assert torch.equal(told[~dropped], batch.condition.text_pooled[~dropped])
    fine = upsampler(batch_size=64, drop=0.5)
    given, asked = fine.batch(0), Oracle(torch.zeros(64, 2, 192, 6))
    fine.losses(asked, given, torch.Generator().manual_seed(0))
    assert torch.equal(asked.asked[0][2].low_res, given.condition.low_res)


@pytest.mark.parametrize("kind", [base, upsampler])
def test_the_networks_learn(kind: Any) -> None:
    objective = kind(batch_size=4)
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=3e-3)
    history: list[float] = []
    for step in range(20):
        batch = objective.batch(step)
        loss = objective.losses(objective.model, batch, torch.Generator().manual_seed(step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    # 0.36 and 0.23 of the first five were measured
    assert sum(history[-5:]) < 0.6 * sum(history[:5])


def test_points_taken() -> None:
    assert points_taken(BASE_RECIPES["paper"](None).stage.prior) == 1024
    assert points_taken(UPSAMPLER_RECIPES["paper"](None).stage.prior) == 4096


@pytest.mark.parametrize(
    "settings", [{"cloud": 0}, {"draws": 0}, {"condition_drop": 1.0}, {"caption_sharing": 5.0}]
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        PointDenoisingConfig(**settings)
