"""Rehearsals: figures that are those of the real thing, and nothing left."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from shapewright.autoencoder import Autoencoder
from shapewright.training import dry_run
from shapewright.training.dry_run import DryRun, Expectation, Rehearsed, numbers_in_moments, parts_of
from shapewright.training.learner import make_optimizer
from shapewright.training.objectives.field_supervision import FieldSupervision
from shapewright.training.recipes.encoder import tiny
from tiny_assets import shelf

RECIPE = replace(tiny(), loop=replace(tiny().loop, validate_every=1, patience=1, pictures_every=1))


def rehearsed(run: Path) -> tuple[Expectation, FieldSupervision]:
    torch.manual_seed(0)
    objective = FieldSupervision(Autoencoder(RECIPE.model), shelf(), RECIPE.objective, batch_size=4)
    with pytest.raises(Rehearsed) as ended:
        DryRun()(objective, RECIPE.loop, run, settings=RECIPE)
    return ended.value.expectation, objective


def test_what_a_training_takes(tmp_path: Path) -> None:
    found, objective = rehearsed(tmp_path)
    model = objective.model
    count = sum(p.numel() for p in model.parameters())
    assert (found.parameters, found.trainable) == (count, count)
    assert found.parts == {
        name: sum(p.numel() for p in getattr(model, name).parameters()) for name in ("encoder", "field")
    }
    assert found.memory.weights == found.memory.gradients == found.memory.average == 4 * count
    assert found.memory.states == 3 * 4 * count + found.memory.moments
    assert found.memory.peak > found.memory.states
    assert found.memory.peak_of == ("CUDA" if torch.cuda.is_available() else "process")
    assert found.measured_steps == 3
    assert found.seconds == found.seconds_per_step * RECIPE.loop.steps > 0
    assert not (tmp_path / "checkpoints").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "metrics.jsonl"}


def test_a_long_step_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "LONG_S", 0.0)
    assert rehearsed(tmp_path)[0].measured_steps == 1


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_moments_are_what_the_optimizer_really_keeps(optimizer: Literal["adamw", "muon"]) -> None:
    model = Autoencoder(RECIPE.model)
    optimized = make_optimizer(model, loop := replace(RECIPE.loop, optimizer=optimizer))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimized.step()
    kept = [t for state in optimized.state.values() for t in state.values() if isinstance(t, Tensor)]
    assert numbers_in_moments(model, loop) == sum(t.numel() for t in kept if t.ndim > 0)


def test_frozen_parts_have_no_gradients(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 1))
    model[0].requires_grad_(False)
    model.register_parameter("scale", nn.Parameter(torch.ones(3)))
    assert parts_of(model) == {"0": 110, "1": 11, "scale": 3}
    assert numbers_in_moments(model, RECIPE.loop) == 2 * 14
