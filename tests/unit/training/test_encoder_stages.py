"""Stage after stage on solids in memory, a few steps each: what they leave and what they refuse."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.config import from_dict
from shapewright.dataset.loader import AssetRecord
from shapewright.encoder import ViewBranchConfig
from shapewright.errors import CheckpointError, ConfigError, DatasetError, ModelError
from shapewright.pipeline import load_model, save_model
from shapewright.training import encoder_stages, runs
from shapewright.training.encoder_stages import train_encoder_stage
from shapewright.training.objectives.encoder_inputs import EncoderInputConfig
from shapewright.training.recipes import encoder
from shapewright.training.recipes.stages import Stage, StageRecipe, tiny
from shapewright.training.run_settings import read_settings
from shapewright.training.runs import train_encoder
from tiny_assets import shelf
from tiny_models import random_model

DATA = Path("data")


def few(stage: Stage, **changes: float) -> StageRecipe:
    """Two steps of few rays."""
    recipe = tiny(stage)
    rays = replace(recipe.objective.rendered_rays, rays=8, coarse_samples=4, fine_samples=4)
    objective = replace(recipe.objective, rendered_rays=rays, **changes)
    return replace(recipe, objective=objective, loop=replace(recipe.loop, steps=2, batch_size=2))


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """What any data folder holds."""
    found = shelf(views=2, size_px=16)
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: found)
    return found


def test_each_stage_starts_from_the_one_before(tmp_path: Path) -> None:
    start = None
    for stage in ("nerf", "distill", "finetune"):
        model = train_encoder_stage(DATA, tmp_path / stage, few(stage), name=stage, start=start)
        start = tmp_path / stage
        assert model == start / "model"
    before, after = load_model(tmp_path / "distill" / "model"), load_model(tmp_path / "finetune" / "model")
    # no step of any size: what was started from is what comes out
    still = few("finetune")
    still = replace(still, loop=replace(still.loop, learning_rate=0.0))
    same = load_model(
        train_encoder_stage(DATA, tmp_path / "still", still, name="x", start=tmp_path / "distill")
    )
    ours, theirs = same.autoencoder.state_dict(), before.autoencoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    trained = after.autoencoder.state_dict()
    for part in ("encoder.output_proj.weight", "field.mlp.shared.0.weight"):
        assert not torch.equal(trained[part], theirs[part])
    config = after.config
    assert (config.name, config.points, config.views, config.view_size_px) == ("finetune", 256, 2, 16)
    with pytest.raises(CheckpointError, match="begun with another start"):
        train_encoder_stage(DATA, tmp_path / "finetune", few("finetune"), name="x", start=tmp_path / "nerf")
    with pytest.raises(CheckpointError, match="begun with another start"):
        train_encoder_stage(DATA, tmp_path / "finetune", few("finetune"), name="x")


def test_a_directly_taught_model_may_be_fine_tuned_and_the_other_way_round(tmp_path: Path) -> None:
    """The sizes are those of the model that is started from, and the run says so."""
    direct = encoder.tiny()
    direct = replace(direct, loop=replace(direct.loop, steps=2))
    first = train_encoder(DATA, tmp_path / "direct", direct, name="direct")
    mixed = few("finetune", direct=1.0)
    folder = train_encoder_stage(DATA, tmp_path / "tuned", mixed, name="tuned", start=first)
    assert load_model(folder).config.autoencoder == direct.model != mixed.model
    settings = read_settings(tmp_path / "tuned" / "config.json")
    settings.pop("inputs")
    assert from_dict(StageRecipe, settings).model == direct.model
    back = train_encoder(DATA, tmp_path / "back", direct, name="back", start=folder)
    assert load_model(back).config.autoencoder == direct.model


def test_a_field_is_trained_beneath_an_encoder_and_a_prior_that_stay(tmp_path: Path) -> None:
    model = random_model()
    save_model(tmp_path / "whole", model, card="")
    before = load_model(tmp_path / "whole")
    recipe = few("nerf", direct=1.0)
    recipe = replace(recipe, objective=replace(recipe.objective, inputs=EncoderInputConfig(points=256)))
    folder = train_encoder_stage(
        DATA, tmp_path / "run", recipe, name="sharper", start=tmp_path / "whole", keep_encoder=True
    )
    after = load_model(folder)
    assert (after.encoder_sha256, after.config) == (
        before.encoder_sha256,
        replace(before.config, name="sharper"),
    )
    assert after.field_sha256 != before.field_sha256
    assert before.prior is not None
    assert after.prior is not None
    ours, theirs = before.prior.state_dict(), after.prior.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with pytest.raises(CheckpointError, match="trained"):
        train_encoder_stage(DATA, tmp_path / "run", recipe, name="x", start=tmp_path / "whole")
    with pytest.raises(ModelError, match="name the model whose it is"):
        train_encoder_stage(DATA, tmp_path / "other", recipe, name="x", keep_encoder=True)


def test_a_stage_is_judged_by_held_out_assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_stages, "held_out_records", lambda data: shelf(views=2, size_px=16)[:3])
    recipe = few("nerf")
    recipe = replace(recipe, loop=replace(recipe.loop, validate_every=1))
    train_encoder_stage(DATA, tmp_path / "run", recipe, name="x")
    lines = (tmp_path / "run" / "validation.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


def test_models_that_cannot_be_started_from(tmp_path: Path) -> None:
    folder = train_encoder_stage(DATA, tmp_path / "nerf", few("nerf"), name="x")
    model = load_model(folder)
    model.autoencoder.encoder = None
    decoder = replace(model.config.autoencoder, encoder=None)
    half = replace(model, config=replace(model.config, autoencoder=decoder))
    save_model(tmp_path / "half", half, card="")
    with pytest.raises(ModelError, match="has no encoder to start from"):
        train_encoder_stage(DATA, tmp_path / "run", few("distill"), name="x", start=tmp_path / "half")
    with pytest.raises(ModelError):
        train_encoder_stage(DATA, tmp_path / "run", few("distill"), name="x", start=tmp_path / "nothing")


def with_views(recipe: StageRecipe, patch_px: int, views: int = 2) -> StageRecipe:
    assert recipe.model.encoder is not None
    seeing = replace(recipe.model.encoder, views=ViewBranchConfig(octaves=2, patch_px=patch_px))
    inputs = replace(recipe.objective.inputs, views=views)
    return replace(
        recipe,
        model=replace(recipe.model, encoder=seeing),
        objective=replace(recipe.objective, inputs=inputs),
    )


def test_models_with_eyes_are_trained_and_kept(tmp_path: Path) -> None:
    folder = train_encoder_stage(DATA, tmp_path / "run", with_views(few("nerf"), 4), name="x")
    model = load_model(folder)
    assert model.config.autoencoder.encoder is not None
    assert model.config.autoencoder.encoder.views == ViewBranchConfig(octaves=2, patch_px=4)
    with pytest.raises(ModelError, match="for encoders of points"):
        train_encoder(DATA, tmp_path / "direct", encoder.tiny(), name="x", start=folder)


def test_data_that_do_not_do(tmp_path: Path) -> None:
    nerf, distill, finetune = (few(stage) for stage in ("nerf", "distill", "finetune"))
    large = replace(distill.objective, distilled=replace(distill.objective.distilled, queries=2000))
    many = replace(nerf.objective, inputs=replace(nerf.objective.inputs, points=300))
    looks = replace(finetune.objective, joint_rendering=replace(finetune.objective.joint_rendering, views=3))
    third = replace(finetune.objective, joint_rendering=replace(finetune.objective.joint_rendering, shrink=3))
    cases: list[tuple[StageRecipe, type[Exception], str]] = [
        (
            replace(distill, objective=large),
            DatasetError,
            "2000 field queries .* set objective.distilled.queries",
        ),
        (
            replace(nerf, objective=many),
            DatasetError,
            "reads 300 points of an asset but the data set has 256",
        ),
        (with_views(nerf, 4, views=3), DatasetError, "takes 3 views of an asset but the data set has 2"),
        (
            replace(finetune, objective=looks),
            DatasetError,
            "takes 3 views of an asset but the data set has 2",
        ),
        (with_views(nerf, 5), ConfigError, "patch_px is 5, of which the 16 pixels"),
        (replace(finetune, objective=third), ConfigError, "shrink is 3, of which the 16 pixels"),
    ]
    for recipe, error, message in cases:
        with pytest.raises(error, match=message):
            train_encoder_stage(DATA, tmp_path / "run", recipe, name="x")
    assert not (tmp_path / "run").exists()
