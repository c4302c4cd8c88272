"""Every recipe builds, and can be changed setting by setting."""

import json

import pytest
import torch

from shapewright.autoencoder import Autoencoder
from shapewright.config import from_dict, to_dict
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import ConfigError
from shapewright.prior import Condition, Prior, PriorConfig
from shapewright.training.objectives.mixture import make_terms
from shapewright.training.recipes import encoder as encoders
from shapewright.training.recipes import overridden, stages
from shapewright.training.recipes import prior as priors

CONDITIONS: tuple[priors.ConditionKind, ...] = ("text", "image")
ALL = [
    *(recipe(stage) for recipe in stages.STAGE_RECIPES.values() for stage in stages.STAGES),
    *(recipe() for recipe in encoders.ENCODER_RECIPES.values()),
    *(recipe() for recipe in encoders.REFINEMENT_RECIPES.values()),
    *(recipe(condition) for recipe in priors.PRIOR_RECIPES.values() for condition in CONDITIONS),
]


@pytest.mark.parametrize("recipe", ALL)
def test_recipes_survive_a_round_through_json(recipe: object) -> None:
    assert from_dict(type(recipe), json.loads(json.dumps(to_dict(recipe)))) == recipe


@pytest.mark.parametrize("name", ["tiny", "homeware"])
def test_encoders_build_and_fit_their_data(name: str) -> None:
    recipe = encoders.ENCODER_RECIPES[name]()
    model = Autoencoder(recipe.model)
    batch = (torch.zeros(2, recipe.objective.points, 6), torch.zeros(2, 5, 3))
    data: DataRecipe = getattr(DataRecipe, name)()
    assert data.points >= recipe.objective.points
    assert data.targets >= recipe.objective.queries
    # kernel_size 1: few neighbours out of the pool
    conv = recipe.model.encoder.points.conv
    assert conv.neighbors <= recipe.objective.neighbor_pool
    assert model(*batch).raw.shape == (2, 5, 12)


@pytest.mark.parametrize("stage", stages.STAGES)
@pytest.mark.parametrize(
    ("name", "data"),
    [("tiny", "tiny"), ("homeware", "homeware"), ("single-gpu", "homeware"), ("paper", "paper")],
)
def test_stages_build_and_fit_their_data(name: str, data: str, stage: stages.Stage) -> None:
    recipe = stages.STAGE_RECIPES[name](stage)
    with torch.device("meta"):  # 443M parameters need no values here
        model = Autoencoder(recipe.model)
    records: DataRecipe = getattr(DataRecipe, data)()
    objective = recipe.objective
    assert records.points >= objective.inputs.points
    assert records.views >= objective.inputs.views
    assert records.targets >= objective.distilled.queries
    assert records.view_size_px % objective.joint_rendering.shrink == 0
    assert list(make_terms(objective, model)) == list(stages.WEIGHTS[stage])
    assert objective.direct == 0
    # the next stage starts from this one
    assert recipe.model == stages.STAGE_RECIPES[name]("nerf").model
    if recipe.model.encoder.views is not None:
        assert records.view_size_px % recipe.model.encoder.views.patch_px == 0


def test_the_paper_is_trained_as_published() -> None:
    recipes = [stages.paper(stage) for stage in stages.STAGES]
    assert [recipe.loop.steps for recipe in recipes] == [600_000, 50_000, 65_000]
    assert [recipe.loop.learning_rate for recipe in recipes] == [1e-4, 1e-4, 1e-5]
    for recipe in recipes:
        assert recipe.loop.batch_size == 64
        assert (recipe.loop.optimizer, recipe.loop.weight_decay) == ("adamw", 0.0)  # which is Adam
        assert (recipe.objective.inputs.points, recipe.objective.inputs.views) == (16_384, 20)
        rays = recipe.objective.rendered_rays
        assert (rays.rays, rays.coarse_samples, rays.fine_samples, rays.asset_share) == (4096, 64, 128, 0.0)
        assert recipe.model.encoder.bottleneck.noise_probability == 0.1


def test_the_single_gpu_is_between_the_shipped_model_and_the_paper() -> None:
    sizes: list[int] = []
    for recipe in (stages.homeware("nerf"), stages.single_gpu("nerf"), stages.paper("nerf")):
        with torch.device("meta"):
            sizes.append(sum(p.numel() for p in Autoencoder(recipe.model).parameters()))
    assert sizes[0] < 0.2 * sizes[1] < 0.2 * 0.5 * sizes[2]
    # weights, gradients, two moments and the average, 4 bytes each, leave most of 24 GB for activations
    assert sizes[1] * 5 * 4 < 4e9


def test_the_paper_is_as_large_as_published() -> None:
    """Within what the paper does not tell. Its text prior has 0.3 billion parameters, as Shap-E's has."""
    with torch.device("meta"):
        prior = Prior(priors.paper().model)
        autoencoder = Autoencoder(stages.paper("nerf").model)
    assert 300e6 < sum(p.numel() for p in prior.parameters()) < 320e6
    # 1024 rows of 256 (the first 256: 93) numbers from 1024 each
    projections = sum(p.numel() for p in autoencoder.field.latent_to_weights.parameters() if p.ndim == 3)
    assert projections == 256 * 1024 * (93 + 3 * 256)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", priors.PRIOR_RECIPES)
def test_priors_build(name: str, condition: priors.ConditionKind) -> None:
    recipe = priors.PRIOR_RECIPES[name](condition)
    with torch.device("meta"):
        model = Prior(recipe.model)
        x = torch.zeros(2, recipe.model.latent_tokens, recipe.model.latent_channels)
        told = condition_of(recipe.model)
        out = model(x, torch.zeros(2, dtype=torch.long), told)
    assert out.shape == (2, recipe.model.outputs, *x.shape[1:])
    assert (recipe.text is None) == (condition == "image")


def condition_of(config: PriorConfig) -> Condition:
    """Zeros of the widths that it takes."""
    if config.image_token_width is not None:
        return Condition(image_tokens=torch.zeros(2, 256, config.image_token_width))
    pooled = None if config.text_pooled_width is None else torch.zeros(2, config.text_pooled_width)
    if config.text_token_width is None:
        return Condition(text_pooled=pooled)
    tokens, mask = torch.zeros(2, 5, config.text_token_width), torch.ones(2, 5, dtype=torch.bool)
    return Condition(text_pooled=pooled, text_tokens=tokens, text_mask=mask)


def test_the_published_priors() -> None:
    """PAPER.md: heads, condition, dropping, x0 and variance under exp; latents as they are; guidance."""
    text, image = priors.paper("text"), priors.paper("image")
    assert (text.model.heads, image.model.heads) == (16, 8)
    assert (text.model.layers, text.model.width) == (image.model.layers, image.model.width) == (24, 1024)
    assert (text.model.text_pooled_width, text.model.text_token_width) == (768, None)
    assert image.model.image_token_width == 1024
    assert (text.text, image.image) == ("clip", "clip")
    assert (text.sampler.guidance, image.sampler.guidance) == (15, 3)
    for recipe in (text, image):
        assert recipe.objective.condition_drop == 0.1
        assert not recipe.objective.standardise
        assert recipe.model.predict_variance
        diffusion = recipe.model.diffusion
        assert (diffusion.prediction, diffusion.schedule.name) == ("x0", "exp")
        assert (recipe.sampler.steps, recipe.sampler.clip) == (64, 1)


@pytest.mark.parametrize("change", ['image="clip"', "text=null", "model.text_pooled_width=null"])
def test_a_prior_recipe_has_one_condition(change: str) -> None:
    broken = [change, "model.text_token_width=null"] if "pooled" in change else [change]
    with pytest.raises(ConfigError, match="has an encoder of text or of images"):
        overridden(priors.tiny(), broken)


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", sorted(set(priors.PRIOR_RECIPES) & set(encoders.ENCODER_RECIPES)))
def test_priors_fit_their_encoders(name: str, condition: priors.ConditionKind) -> None:
    prior = priors.PRIOR_RECIPES[name](condition).model
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
