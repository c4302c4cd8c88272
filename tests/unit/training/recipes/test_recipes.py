"""Every recipe builds, and can be changed setting by setting."""

import json

import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.config import from_dict, to_dict
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import ConfigError
from shapewright.prior import Prior
from shapewright.training.recipes import encoder as encoders
from shapewright.training.recipes import overridden
from shapewright.training.recipes import prior as priors

ALL = [
    *(recipe() for recipe in encoders.ENCODER_RECIPES.values()),
    *(recipe() for recipe in encoders.REFINEMENT_RECIPES.values()),
    *(recipe() for recipe in priors.PRIOR_RECIPES.values()),
]


@pytest.mark.parametrize("recipe", ALL)
def test_recipes_survive_a_round_through_json(recipe: object) -> None:
    assert from_dict(type(recipe), json.loads(json.dumps(to_dict(recipe)))) == recipe


@pytest.mark.parametrize("name", ["tiny", "homeware", "paper"])
def test_encoders_build_and_fit_their_data(name: str) -> None:
    recipe = encoders.ENCODER_RECIPES[name]()
    with torch.device("meta" if name == "paper" else "cpu"):  # 443M parameters need no values here
        model = Autoencoder(recipe.model)
        batch = (torch.zeros(2, recipe.objective.points, 6), torch.zeros(2, 5, 3))
    data: DataRecipe = getattr(DataRecipe, name)()
    assert data.points >= recipe.objective.points
    assert data.targets >= recipe.objective.queries
    if name == "paper":
        assert recipe.model.encoder.views is not None
        assert model.config.encoder.self_layers == 11
    else:
        # kernel_size 1: few neighbours out of the pool
        conv = recipe.model.encoder.points.conv
        assert conv.neighbors <= recipe.objective.neighbor_pool
        assert model(*batch).raw.shape == (2, 5, 12)


def test_the_paper_is_as_large_as_published() -> None:
    """Within what the paper does not tell. Its text prior has 0.3 billion parameters, as Shap-E's has."""
    with torch.device("meta"):
        prior = Prior(priors.paper().model)
        autoencoder = Autoencoder(encoders.paper().model)
    assert 300e6 < sum(p.numel() for p in prior.parameters()) < 320e6
    # 1024 rows of 256 (the first 256: 93) numbers from 1024 each
    projections = sum(p.numel() for p in autoencoder.field.latent_to_weights.parameters() if p.ndim == 3)
    assert projections == 256 * 1024 * (93 + 3 * 256)


@pytest.mark.parametrize("name", ["tiny", "homeware"])
def test_priors_fit_their_encoders(name: str) -> None:
    prior = priors.PRIOR_RECIPES[name]().model
    field = encoders.ENCODER_RECIPES[name]().model.field
    assert (prior.latent_tokens, prior.latent_channels) == (field.latent_tokens, field.latent_channels)


def test_settings_are_changed_by_their_dotted_names() -> None:
    changed = overridden(
        encoders.tiny(), ["loop.learning_rate=5e-4", "loop.precision=fp32", "loop.betas=[0.8, 0.9]"]
    )
    assert changed.loop.learning_rate == 5e-4
    assert changed.loop.precision == "fp32"
    assert changed.loop.betas == (0.8, 0.9)
    assert changed.model == encoders.tiny().model
    assert overridden(encoders.tiny(), ["model.field.mixer=null"]).model.field.mixer is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("loop.steps", "'loop.steps' is not of the form key=value"),
        ("loop.stepps=3", "no setting 'loop.stepps'; at that place it has: .*steps, batch_size"),
        ("lop.steps=3", "no setting 'lop.steps'; at that place it has: model, objective, loop"),
        ("loop.steps.more=3", "no setting 'loop.steps.more'"),
        ("model.encoder.views.patch_px=4", "no setting 'model.encoder.views.patch_px'"),
        ("=3", "no setting ''"),
        ("loop.steps=many", "loop.steps' should be int, not 'many'"),
        ("loop.steps=0", "steps and batch_size must be positive"),
        ("loop.optimizer=sgd", "one of 'adamw', 'muon', not 'sgd'"),
        ("model.field.latent_tokens=7", "7 latent tokens do not divide"),
    ],
)
def test_changes_that_cannot_be_made(change: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        overridden(encoders.tiny(), [change])
