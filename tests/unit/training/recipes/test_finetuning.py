"""Recipes for fine-tuning, by method and size of the prior."""

import json
from typing import Any

import pytest

from shapewright.config import from_dict, to_dict
from shapewright.errors import ConfigError
from shapewright.prior import PriorConfig
from shapewright.training.recipes import overridden
from shapewright.training.recipes.finetuning import FinetuningRecipe, Method, finetuning_recipe
from shapewright.training.recipes.prior import homeware, paper


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("prior", [homeware().model, paper().model])
def test_they_survive_a_round_through_json(method: Method, prior: PriorConfig) -> None:
    recipe = finetuning_recipe(method, prior)
    assert from_dict(FinetuningRecipe, json.loads(json.dumps(to_dict(recipe)))) == recipe
    assert (recipe.lora is None) == (method == "full")


def test_large_priors_learn_slower_and_are_not_rehearsed() -> None:
    small, large = (finetuning_recipe("lora", prior) for prior in (homeware().model, paper().model))
    assert large.loop.learning_rate < small.loop.learning_rate
    assert large.loop.batch_size < small.loop.batch_size
    assert (small.rehearsal > 0, large.rehearsal) == (True, 0)


def test_the_rank_can_be_changed() -> None:
    recipe = overridden(finetuning_recipe("lora", homeware().model), ["lora.rank=3"])
    assert recipe.lora is not None
    assert recipe.lora.rank == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("draws=0", "draws must be at least 1"),
        ("rehearsal=-1", "must not be negative"),
        ("augmentation.recolor=0.5", "colours that are gone"),
        ("lora.rank=0", "rank must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(change: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        overridden(finetuning_recipe("lora", homeware().model), [change])
