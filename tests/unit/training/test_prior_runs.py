"""Whole runs of priors on a small data set: from latents of every kind to a model that generates."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from shapewright.errors import CheckpointError, ConfigError, DatasetError, ModelError
from shapewright.pipeline import Model, Pipeline, load_model
from shapewright.prior import Prior
from shapewright.training.encoding import LatentsConfig, make_latents
from shapewright.training.latents import load_latents
from shapewright.training.loop import LoopConfig
from shapewright.training.prior_runs import held_out_objective, train_prior
from shapewright.training.prior_sources import latents_for
from shapewright.training.recipes import overridden
from shapewright.training.recipes.encoder import tiny_refinement
from shapewright.training.recipes.prior import PriorRecipe, paper, tiny
from shapewright.training.runs import refine_latents
from tiny_clip import GRID_WIDTH, POOLED_WIDTH
from tiny_models import FakeText


def few(loop: LoopConfig, steps: int = 3) -> LoopConfig:
    return replace(loop, steps=steps, batch_size=4, warmup_steps=1)


TEXT = replace(tiny(), loop=few(tiny().loop), draws=2)


@pytest.fixture(autouse=True)
def _fake_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)


@pytest.fixture
def place(encoder: Model) -> Path:
    assert encoder.folder is not None
    return encoder.folder


@pytest.fixture(scope="module")
def made(encoder: Model, prisms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Latents as `shapewright latents` makes them."""
    folder = tmp_path_factory.mktemp("latents")
    make_latents(encoder, str(encoder.folder), prisms, folder, LatentsConfig(draws=2))
    return folder


def image_recipe(clip: Path, steps: int = 3) -> PriorRecipe:
    recipe = replace(tiny("image"), loop=few(tiny("image").loop, steps), draws=2)
    return overridden(recipe, [f"clip={clip}", f"model.image_token_width={GRID_WIDTH}"])


def test_an_encoder_and_a_text_prior_make_a_model(place: Path, prisms: Path, tmp_path: Path) -> None:
    folder = train_prior(prisms, place, tmp_path / "prior", TEXT, name="whole")
    whole, before = load_model(folder), load_model(place)
    assert whole.config.name == "whole"
    ours, theirs = before.autoencoder.state_dict(), whole.autoencoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert load_latents(tmp_path / "prior" / "latents").latents.shape == (12, 8, 8)
    assert len(load_latents(tmp_path / "prior" / "latents", "val")) == 2
    (asset,) = Pipeline.from_pretrained(folder, device="cpu").generate("a red ball", steps=2)
    assert torch.isfinite(asset.latent).all()


def test_an_image_prior_learns_and_generates_from_a_picture(made: Path, clip: Path, tmp_path: Path) -> None:
    told: list[float] = []
    recipe = image_recipe(clip, steps=60)
    folder = train_prior(
        None,
        None,
        tmp_path / "prior",
        recipe,
        name="seer",
        latents=made,
        progress=lambda done, total, losses: told.append(losses["loss"]),
    )
    # latents have mean 0 and deviation 1, so that knowing nothing costs about 1
    assert sum(told[-10:]) < 0.8 * sum(told[:10])
    pipeline = Pipeline.from_pretrained(folder, device="cpu")
    assert pipeline.model.config.image == "clip"
    assert pipeline.model.config.clip == str(clip)
    red, blue = (Image.new("RGBA", (20, 30), color) for color in ("red", "blue"))
    first, second = pipeline.generate(image=[red, blue], steps=3, guidance=1.0)
    assert torch.isfinite(first.latent).all()
    assert not torch.equal(first.latent, second.latent), "it looks at the picture"
    with pytest.raises(ModelError, match="not from text"):
        pipeline.generate("a red ball")


@pytest.mark.filterwarnings("ignore:only the first 12")  # the small tower spells words, and reads 12 letters
def test_clip_reads_the_text_where_the_recipe_says_so(
    made: Path, place: Path, clip: Path, tmp_path: Path
) -> None:
    """The published form, made small: pooled vector only, latents as they are, x0 and variance under exp."""
    small = replace(tiny().model, text_pooled_width=POOLED_WIDTH, text_token_width=None)
    small = replace(small, predict_variance=True, diffusion=paper().model.diffusion)
    recipe = replace(paper(), model=small, clip=str(clip), loop=few(tiny().loop))
    folder = train_prior(None, place, tmp_path / "prior", recipe, name="reader", latents=made)
    model = load_model(folder)
    assert (model.config.text, model.config.clip, model.statistics) == ("clip", str(clip), None)
    assert (model.config.sampler.guidance, model.config.sampler.clip) == (15, 1)
    (asset,) = Pipeline.from_pretrained(folder, device="cpu").generate("a red box", steps=2)
    assert torch.isfinite(asset.latent).all()
    inputs = json.loads((tmp_path / "prior" / "config.json").read_text())["inputs"]
    assert set(inputs) == {"set of latents", "encoder", "text encoder"}


def test_an_encoder_of_a_condition_that_does_not_fit(made: Path, clip: Path, tmp_path: Path) -> None:
    recipe = replace(tiny("image"), clip=str(clip))
    with pytest.raises(ConfigError, match=f"--set model.image_token_width={GRID_WIDTH}"):
        train_prior(None, None, tmp_path / "run", recipe, name="x", latents=made)
    wider = overridden(TEXT, ["model.latent_tokens=4"])
    with pytest.raises(ConfigError, match=r"draws latents of shape \(4, 8\), but .* are \(8, 8\)"):
        train_prior(None, None, tmp_path / "run", wider, name="x", latents=made)


def test_latents_are_made_once_and_of_one_encoder(
    place: Path, encoder: Model, prisms: Path, tmp_path: Path
) -> None:
    run, told = tmp_path / "prior", list[tuple[int, int]]()
    train_prior(prisms, place, run, TEXT, name="x")
    shards = {path: path.stat().st_mtime_ns for path in (run / "latents").glob("train-*")}
    train_prior(prisms, place, run, TEXT, name="x", encoding=lambda *done: told.append(done))
    assert {path: path.stat().st_mtime_ns for path in shards} == shards
    assert told[-1] == (14, 14)
    other = other_model(encoder, tmp_path)
    with pytest.raises(DatasetError, match="made with another encoder; choose another folder"):
        train_prior(prisms, other, run, TEXT, name="x")
    with pytest.raises(DatasetError, match=f"made by another encoder .*which was at '{place}'"):
        train_prior(None, other, tmp_path / "second", TEXT, name="x", latents=run / "latents")


def test_latents_outlast_the_prior_beside_their_encoder(made: Path, place: Path, tmp_path: Path) -> None:
    """A prior was trained since: the model's file is another, but its encoder makes the same latents."""
    folder = train_prior(None, None, tmp_path / "prior", TEXT, name="x", latents=made)
    first, after = load_model(place), load_model(folder)
    assert first.sha256 != after.sha256
    assert first.encoder_sha256 == after.encoder_sha256 != ""
    again = train_prior(None, folder, tmp_path / "again", TEXT, name="y", latents=made)
    assert load_model(again).config.name == "y"


def other_model(encoder: Model, folder: Path) -> Path:
    from tiny_models import random_model, saved

    saved(random_model(with_prior=False), folder / "other")
    assert load_model(folder / "other").sha256 != encoder.sha256
    return folder / "other"


def test_latents_of_the_form_before_shards(place: Path, clip: Path, prisms: Path, tmp_path: Path) -> None:
    """Runs made with them go on, and refined ones are trained on; they do not do for pictures."""
    old, run = tmp_path / "run" / "latents", tmp_path / "run"
    old.mkdir(parents=True)
    save_file({"latents": torch.randn(4, 8, 8)}, old / "latents.safetensors")
    told = {"assets": ["box-ply"] * 4, "captions": [["a red box"]] * 4}
    (old / "latents.json").write_text(json.dumps(told))
    (old / "encoder.sha256").write_text(load_model(place).sha256 + "\n")
    train_prior(prisms, place, run, TEXT, name="x")
    train_prior(None, place, tmp_path / "given", TEXT, name="x", latents=old)
    with pytest.raises(ConfigError, match="do not say which encoder made them: give --encoder"):
        train_prior(None, None, tmp_path / "given", TEXT, name="x", latents=old)
    with pytest.raises(DatasetError, match="do not say how their assets were varied"):
        train_prior(prisms, place, tmp_path / "other", image_recipe(clip), name="x", latents=old)
    (old / "encoder.sha256").write_text("another\n")
    with pytest.raises(CheckpointError, match="latents of another encoder; choose another folder for --out"):
        train_prior(prisms, place, run, TEXT, name="x")


def test_refined_latents_are_taken_as_they_are(place: Path, prisms: Path, clip: Path, tmp_path: Path) -> None:
    recipe = tiny_refinement()
    supervision = replace(recipe.objective.supervision, points=200)
    recipe = replace(
        recipe, objective=replace(recipe.objective, supervision=supervision), loop=few(recipe.loop)
    )
    refined = tmp_path / "refined"
    refine_latents(prisms, place, refined, recipe, name="sharp")

    def encoding(done: int, total: int) -> None:
        raise AssertionError("refined latents need no encoding")

    whole = train_prior(prisms, refined, tmp_path / "prior", TEXT, name="whole", encoding=encoding)
    assert load_model(whole).config.prior is not None
    # they know how their assets were varied, which is what pictures need
    train_prior(prisms, refined, tmp_path / "seer", image_recipe(clip), name="seer")
    # regression: the prior was named in the new config but not among the weights
    refine_latents(prisms, whole, tmp_path / "again", recipe, name="sharper")
    again = load_model(tmp_path / "again" / "model")
    assert (again.prior, again.config.text, again.config.name) == (None, None, "sharper")


def test_a_prior_may_start_from_a_trained_one(made: Path, place: Path, tmp_path: Path) -> None:
    first = train_prior(None, None, tmp_path / "first", TEXT, name="first", latents=made)
    # no step of any size: what was started from is what comes out
    still = replace(TEXT, loop=replace(TEXT.loop, steps=1, learning_rate=0.0))
    second = train_prior(
        None, None, tmp_path / "second", still, name="second", latents=made, start=tmp_path / "first"
    )
    assert tensors_of(second) == tensors_of(first)
    with pytest.raises(ModelError, match="no prior to start from"):
        train_prior(None, None, tmp_path / "third", still, name="third", latents=made, start=place)
    wider = replace(still, model=replace(still.model, layers=3))
    with pytest.raises(ModelError, match="built otherwise"):
        train_prior(None, None, tmp_path / "third", wider, name="third", latents=made, start=first)
    with pytest.raises(CheckpointError, match="begun with another start"):
        train_prior(None, None, tmp_path / "second", still, name="second", latents=made)


def tensors_of(folder: Path) -> dict[str, list[float]]:
    model = load_model(folder)
    assert model.prior is not None
    return {name: tensor.flatten().tolist() for name, tensor in model.prior.state_dict().items()}


def test_views_are_of_the_data_set_that_was_encoded(
    made: Path, prisms: Path, clip: Path, tmp_path: Path
) -> None:
    index = json.loads((prisms / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "records": index["records"][:3]}))
    with pytest.raises(DatasetError, match="is not the data set that the latents in"):
        train_prior(tmp_path, None, tmp_path / "run", image_recipe(clip), name="x", latents=made)
    with pytest.raises(ConfigError, match="give --latents, or both --data and --encoder"):
        train_prior(prisms, None, tmp_path / "run", TEXT, name="x")


@pytest.mark.parametrize("condition", ["text", "image"])
def test_held_out_assets_are_measured_by_the_same_objective(
    condition: str, made: Path, prisms: Path, place: Path, clip: Path, tmp_path: Path
) -> None:
    recipe = TEXT if condition == "text" else image_recipe(clip)
    source = latents_for(None, None, made, tmp_path, recipe, None)
    prior = Prior(recipe.model)
    objective = held_out_objective(prior, source, tmp_path, None, recipe)
    assert objective is not None
    batch = objective.batch(0)
    assert set(batch.names) == {"box-ply"}
    losses = objective.losses(prior, batch, torch.Generator().manual_seed(0))
    assert torch.isfinite(losses["loss"])
    # a set without held-out assets gets them made
    only = tmp_path / "train"
    make_latents(load_model(place), str(place), prisms, only, LatentsConfig(splits=("train",)))
    source = latents_for(None, None, only, tmp_path, recipe, None)
    again = held_out_objective(prior, source, tmp_path, None, recipe)
    assert again is not None
    assert len(load_latents(tmp_path / "held-out", "val")) == recipe.draws
    assert held_out_objective(prior, replace(source, data=None), tmp_path, None, recipe) is None
