"""Latents of random fields refined to simple solids: better, alone or together, and nothing else moves."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from shapewright.errors import ConfigError
from shapewright.field import Field, FieldConfig, FieldOutput, FieldWeights
from shapewright.pipeline.latent_refinement import (
    RefinementConfig,
    following,
    rate_at,
    refine_latents,
    split,
)
from shapewright.pipeline.refinement_losses import iou_of, losses_of, measured_unit
from shapewright.pipeline.refinement_targets import RayTargets, RefinementTargets, stacked, targets_of_record
from tiny_assets import BLUE, Ball, Brick, record_of
from tiny_models import random_model
from tiny_official import FIELD, official_model

CONFIG = RefinementConfig(steps=25, queries=256, rays=16)


@pytest.fixture(scope="module")
def field() -> Field:
    """Taught at points: with a mixer, a truncation and a density scale."""
    return random_model(with_prior=False).autoencoder.field.eval()


@pytest.fixture(scope="module")
def targets(field: Field) -> RefinementTargets:
    shown = {"views": 2, "size_px": 24}
    records = [record_of("ball", Ball(0.7), **shown), record_of("brick", Brick(), rgb=BLUE, **shown)]
    return stacked([targets_of_record(record, field.config) for record in records])


def start_of(config: FieldConfig, count: int = 2) -> Tensor:
    shape = (count, config.latent_tokens, config.latent_channels)
    return torch.tanh(torch.randn(shape, generator=torch.Generator().manual_seed(3)))


def test_refinement_finds_a_solid_and_leaves_the_decoder_as_it_was(
    field: Field, targets: RefinementTargets
) -> None:
    before = {name: value.clone() for name, value in field.state_dict().items()}
    told: list[tuple[int, int]] = []
    found = refine_latents(
        field, start_of(field.config), targets, CONFIG, lambda done, total: told.append((done, total))
    )
    assert bool((found.after.loss < 0.8 * found.before.loss).all())
    assert bool((found.after.iou > found.before.iou).all())
    assert told == [(done, 25) for done in range(1, 26)]
    assert found.latents.abs().max() <= 1
    assert not found.latents.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in field.state_dict().items())
    assert all(parameter.grad is None for parameter in field.parameters())
    assert all(parameter.requires_grad for parameter in field.parameters())


def test_the_fit_is_that_of_queries_not_learnt_from(field: Field, targets: RefinementTargets) -> None:
    taught, held = split(targets)
    assert (taught.queries.shape[1], held.queries.shape[1]) == (896, 128)
    both = torch.cat([taught.queries, held.queries], dim=1)
    assert len(torch.unique(both[0], dim=0)) == len(torch.unique(targets.queries[0], dim=0))
    start = start_of(field.config)
    # in other words to the taught queries, the result would change; the held ones change only the fit
    changed = targets.signed_distance.clone()
    changed[:, 7::8] *= -1
    found = refine_latents(field, start, targets, CONFIG)
    other = refine_latents(field, start, replace(targets, signed_distance=changed), CONFIG)
    assert torch.equal(found.latents, other.latents)
    assert not torch.equal(found.after.iou, other.after.iou)
    weights = field.weights(found.latents)
    torch.testing.assert_close(found.after.iou, iou_of(field, weights, held))
    unit = measured_unit(field, weights, held)
    torch.testing.assert_close(found.after.loss, losses_of(field, weights, held, unit).detach())


def test_nothing_is_random(field: Field, targets: RefinementTargets) -> None:
    first, second = (refine_latents(field, start_of(field.config), targets, CONFIG) for _ in range(2))
    assert torch.equal(first.latents, second.latents)


@pytest.mark.parametrize("kind", ["taught", "published"])
def test_an_asset_alone_is_what_it_is_in_a_batch(kind: str, field: Field, targets: RefinementTargets) -> None:
    config = replace(CONFIG, steps=5)
    if kind == "published":
        field = official_model(None).autoencoder.field.eval()
        targets = replace(targets, rays=made_up_rays())
    start = start_of(field.config)
    together = refine_latents(field, start, targets, config)
    alone = [
        refine_latents(field, start[row : row + 1], row_of(targets, row), config).latents for row in (0, 1)
    ]
    # products of other shapes may round differently, and Adam's first steps have the same size however
    # small a gradient is: a number whose gradient is next to nothing may go the other way, but few are
    apart = (torch.cat(alone) - together.latents).abs()
    assert apart.median() < 1e-5
    assert (apart > 1e-2).float().mean() < 0.01


def made_up_rays() -> RayTargets:
    """Towards the middle from all around, seeing a grey cloud."""
    outward = torch.nn.functional.normalize(
        torch.randn(2, 64, 3, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    return RayTargets(
        origins=4 * outward,
        directions=-outward,
        color=torch.full((2, 64, 3), 0.3),
        transmittance=torch.full((2, 64), 0.4),
    )


def row_of(targets: RefinementTargets, row: int) -> RefinementTargets:
    def take(value: Tensor) -> Tensor:
        return value[row : row + 1]

    rays = targets.rays
    return RefinementTargets(
        queries=take(targets.queries),
        signed_distance=take(targets.signed_distance),
        colors=take(targets.colors),
        lit=take(targets.lit),
        rays=None
        if rays is None
        else RayTargets(
            origins=take(rays.origins),
            directions=take(rays.directions),
            color=take(rays.color),
            transmittance=take(rays.transmittance),
        ),
    )


def test_a_field_of_the_published_kind_is_refined_on_points_and_rays(targets: RefinementTargets) -> None:
    field = official_model(None).autoencoder.field.eval()
    assert field.config == FIELD
    start, without_rays = start_of(FIELD), replace(targets, rays=None)
    with_rays = replace(targets, rays=made_up_rays())
    found = refine_latents(field, start, with_rays, CONFIG)
    assert bool((found.after.loss < 0.9 * found.before.loss).all())
    unit = measured_unit(field, field.weights(start), targets)
    with torch.no_grad():
        losses = [
            losses_of(field, field.weights(latents), part, unit).sum()
            for part in (with_rays, without_rays)
            for latents in (start, found.latents)
        ]
    on_rays = losses[0] - losses[2], losses[1] - losses[3]
    assert on_rays[1] < 0.9 * on_rays[0]
    without = refine_latents(field, start, without_rays, CONFIG)
    assert not torch.equal(without.latents, found.latents)


def test_a_pull_keeps_the_latent_where_it_was(field: Field, targets: RefinementTargets) -> None:
    start = start_of(field.config)
    moved = [
        (refine_latents(field, start, targets, replace(CONFIG, pull=pull)).latents - start).square().mean()
        for pull in (0.0, 5.0)
    ]
    assert moved[1] < 0.5 * moved[0]


class Ruler(Field):
    """Says the distance to a ball in units of a quarter."""

    def query(
        self, weights: FieldWeights, positions: Tensor, directions: Tensor | None = None
    ) -> FieldOutput:
        raw = torch.zeros(*positions.shape[:2], 12)
        raw[..., 0] = (0.7 - positions.norm(dim=-1)) / 0.25
        return FieldOutput(raw=raw)


def test_the_unit_of_a_published_field_is_measured(targets: RefinementTargets) -> None:
    field, ball = Ruler(FIELD), row_of(targets, 0)
    weights = field.weights(start_of(FIELD, 1))
    # distances of records are half floats, good to three digits
    assert measured_unit(field, weights, ball).item() == pytest.approx(0.25, rel=1e-3)
    unit = torch.tensor([0.25])
    grey = replace(ball, colors=torch.full_like(ball.colors, 0.5), rays=None)
    assert losses_of(field, weights, grey, unit).item() < 0.01
    assert losses_of(field, weights, grey, 2 * unit).item() > 0.1
    taught = random_model(with_prior=False).autoencoder.field
    weights = taught.weights(start_of(taught.config, 1))
    assert measured_unit(taught, weights, ball).item() == pytest.approx(0.03)


def test_steps_go_round_the_targets_and_the_rate_falls() -> None:
    assert following(5, 2, 0).tolist() == [0, 1]
    assert following(5, 2, 2).tolist() == [4, 0]
    assert following(3, 4, 0).tolist() == [0, 1, 2, 0]
    rates = [rate_at(step, CONFIG) for step in range(CONFIG.steps)]
    assert rates[0] == CONFIG.step_size
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.05 * rates[0]


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"steps": -1}, {"queries": 0}, {"rays": 0}, {"step_size": 0.0}, {"pull": -1.0}]
)
def test_settings_outside_their_range(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        RefinementConfig(**settings)
