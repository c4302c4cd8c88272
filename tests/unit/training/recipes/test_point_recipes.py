"""Point-E's recipes build, fit each other and their data, and refuse what makes no sense."""

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch

from shapewright.config import from_dict, to_dict
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import ConfigError
from shapewright.pointe import PUBLISHED_SDF, PUBLISHED_STAGES, PointCloudSdf, PointPrior
from shapewright.prior import Condition
from shapewright.training.recipes import overridden
from shapewright.training.recipes.point_recipe import PointCondition, SdfRecipe, StageRecipe
from shapewright.training.recipes.points import BASE_RECIPES, SDF_RECIPES, UPSAMPLER_RECIPES, paper_base

NAMES = ("tiny", "homeware", "single-gpu", "paper")
TOLD = get_args(PointCondition)
STAGES = [
    *((name, BASE_RECIPES[name](told)) for name in NAMES for told in (None, *TOLD)),
    *((name, UPSAMPLER_RECIPES[name](told)) for name in NAMES for told in (None, "image", "nothing")),
]
# the published data set and the small ones
DATA = {"single-gpu": "paper"}


def told(recipe: StageRecipe, rows: int) -> Condition:
    """Zeros of the shapes that the recipe's network is told."""
    prior = recipe.stage.prior
    vector, grid, coarse = prior.text_pooled_width, prior.image_token_width, prior.low_res
    return Condition(
        text_pooled=None if vector is None else torch.zeros(rows, vector),
        image_tokens=None if grid is None else torch.zeros(rows, 4, grid),
        low_res=None if coarse is None else torch.zeros(rows, coarse.points, coarse.channels),
    )


@pytest.mark.parametrize(("name", "recipe"), STAGES)
def test_stages_build_and_survive_json(name: str, recipe: StageRecipe) -> None:
    assert from_dict(StageRecipe, json.loads(json.dumps(to_dict(recipe)))) == recipe
    prior = recipe.stage.prior
    with torch.device("meta"):
        network = PointPrior(recipe.stage)
        if name == "tiny":
            x, t = torch.zeros(2, prior.latent_tokens, 6), torch.zeros(2, dtype=torch.int64)
            assert network(x, t, told(recipe, 2)).shape == (2, 2, prior.latent_tokens, 6)
    data: DataRecipe = getattr(DataRecipe, DATA.get(name, name))()
    assert data.points >= recipe.objective.cloud
    if recipe.uses_clip and recipe.condition != "text":
        assert data.views >= min(recipe.views, 2)
    # both branches of guidance are the same where nothing is told
    assert recipe.condition != "nothing" or recipe.stage.sampler.guidance == 1


@pytest.mark.parametrize("name", NAMES)
def test_sdf_models_build_and_survive_json(name: str) -> None:
    recipe = SDF_RECIPES[name]()
    assert from_dict(SdfRecipe, json.loads(json.dumps(to_dict(recipe)))) == recipe
    with torch.device("meta"):
        points, queries = torch.zeros(2, recipe.model.points, 3), torch.zeros(2, recipe.objective.queries, 3)
        assert PointCloudSdf(recipe.model)(points, queries).shape == queries.shape[:2]
    data: DataRecipe = getattr(DataRecipe, DATA.get(name, name))()
    assert data.points >= recipe.objective.cloud
    assert data.targets >= recipe.objective.queries


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_one_size_fit_each_other(name: str) -> None:
    base, upsampler, sdf = BASE_RECIPES[name](None), UPSAMPLER_RECIPES[name](None), SDF_RECIPES[name]()
    low_res = upsampler.stage.prior.low_res
    assert low_res is not None
    assert low_res.points == base.stage.prior.latent_tokens
    drawn = low_res.points + upsampler.stage.prior.latent_tokens
    assert drawn == upsampler.objective.cloud == base.objective.cloud == sdf.model.points


def test_the_paper_has_the_published_networks() -> None:
    published = {
        "base40M-textvec": paper_base("text"),
        "base40M-imagevec": paper_base("image-vector"),
        "base40M-uncond": paper_base("nothing"),
        "base40M": paper_base("image"),
        "base300M": paper_base("image", size="300M"),
        "base1B": paper_base("image", size="1B"),
        "upsample": UPSAMPLER_RECIPES["paper"](None),
    }
    assert {name: recipe.stage for name, recipe in published.items()} == dict(PUBLISHED_STAGES)
    assert SDF_RECIPES["paper"]().model == PUBLISHED_SDF
    assert SDF_RECIPES["single-gpu"]().model == PUBLISHED_SDF


TEXT, PICTURE, FREE = (BASE_RECIPES["tiny"](condition) for condition in ("text", "image", "nothing"))
FINE = UPSAMPLER_RECIPES["tiny"](None)


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        (TEXT, ["condition=nothing"], "text_pooled_width belongs to the conditions text and image-vector"),
        (TEXT, ["condition=image"], "text_pooled_width belongs to the conditions text and image-vector"),
        (FREE, ["stage.prior.image_token_width=8"], "image_token_width belongs to the condition image"),
        (TEXT, ["stage.prior.text_token_width=8"], "told one vector, a picture or nothing"),
        (FINE, ["stage.prior.text_pooled_width=8", "condition=text"], "an upsampler has no vector"),
        (TEXT, ["objective.cloud=63"], "a step takes 64 points, but objective.cloud is 63"),
        (FINE, ["objective.cloud=255"], "a step takes 256 points, but objective.cloud is 255"),
        (PICTURE, ["objective.draws=2"], "pictures are told cannot be varied: set objective.draws to 1"),
        (PICTURE, ["views=0"], "views must be at least 1"),
        (SDF_RECIPES["tiny"](), ["objective.cloud=8"], "sees 256 points, but objective.cloud is 8"),
    ],
)
def test_recipes_that_make_no_sense(recipe: Any, changes: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        overridden(recipe, changes)


def test_what_uses_clip() -> None:
    assert not TEXT.uses_clip  # MiniLM comes with the package
    assert replace(TEXT, text="clip").uses_clip
    assert PICTURE.uses_clip
    assert not FREE.uses_clip
    assert BASE_RECIPES["paper"]("text").uses_clip
