"""The first losses of the tiny direct encoder and prior: what a step does stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.prior import LatentStatistics, Prior
from shapewright.training.conditions import CaptionFeatures
from shapewright.training.latents import LatentSet
from shapewright.training.loop import train
from shapewright.training.objectives.denoising import Denoising
from shapewright.training.recipes.prior import tiny
from tiny_models import FakeText
from unit.training.tiny_runs import losses_of, train_tiny

ENCODER = [2.18436, 2.12754, 1.98682, 1.94899, 2.04337, 1.86029]
PRIOR = [0.99753, 0.99419, 0.99855, 0.98094, 0.97401, 0.98893]
# Other processors round otherwise, and first steps make much of small gradients; another order of the
# batches or another seed moves single losses by a tenth.
TOLERANCE = 1e-2


def found(run: Path) -> list[float]:
    return [line["loss"] for line in losses_of(run)]


def test_the_direct_encoder(tmp_path: Path) -> None:
    train_tiny(tmp_path, steps=6)
    assert found(tmp_path) == pytest.approx(ENCODER, rel=TOLERANCE)


def test_the_prior(tmp_path: Path) -> None:
    recipe = tiny()
    loop = replace(recipe.loop, steps=6, precision="fp32")
    torch.manual_seed(0)
    captions = [[f"a thing of kind {i}", "a thing"] for i in range(24)]
    latents = LatentSet(
        latents=torch.randn(24, 8, 8).tanh(), assets=[str(i) for i in range(24)], captions=captions
    )
    features = CaptionFeatures([text for texts in captions for text in texts], FakeText())
    statistics = LatentStatistics.measure([latents.latents], clip=recipe.objective.clip)
    objective = Denoising(
        Prior(recipe.model), latents, statistics, features, recipe.objective, batch_size=loop.batch_size
    )
    train(objective, loop, tmp_path, settings=recipe, tensorboard=False)
    assert found(tmp_path) == pytest.approx(PRIOR, rel=TOLERANCE)
