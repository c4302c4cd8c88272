"""Whole runs on solids in memory, a few steps each: what they leave and what they refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import CheckpointError, DatasetError, ModelError
from shapewright.pipeline import Pipeline, load_model
from shapewright.training import runs
from shapewright.training.latents import load_latents
from shapewright.training.loop import LoopConfig
from shapewright.training.recipes.encoder import tiny, tiny_refinement
from shapewright.training.recipes.prior import tiny as tiny_prior
from shapewright.training.runs import refine_latents, train_encoder, train_prior
from tiny_assets import shelf
from tiny_models import FakeText

DATA = Path("data")


def few(loop: LoopConfig) -> LoopConfig:
    return replace(loop, steps=3, batch_size=4)


ENCODER = replace(tiny(), loop=few(tiny().loop))
REFINEMENT = replace(tiny_refinement(), loop=few(tiny_refinement().loop))
PRIOR = replace(tiny_prior(), loop=few(tiny_prior().loop), draws=2)


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """What any data folder holds."""
    found = shelf()
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: found)
    monkeypatch.setattr(runs, "MiniLM", FakeText)
    return found


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    train_encoder(DATA, tmp_path / "encoder", ENCODER, name="small")
    return tmp_path / "encoder"


def test_an_encoder_and_a_prior_make_a_model(encoder: Path, tmp_path: Path) -> None:
    model = load_model(encoder / "model")
    assert model.prior is None
    assert model.config.points == 256
    folder = train_prior(DATA, encoder, tmp_path / "prior", PRIOR, name="whole")
    whole = load_model(folder)
    assert whole.config.name == "whole"
    ours, theirs = model.autoencoder.state_dict(), whole.autoencoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert load_latents(tmp_path / "prior" / "latents").latents.shape == (12, 8, 8)
    (asset,) = Pipeline(whole, text_encoder=FakeText()).generate("a red ball", steps=2)
    assert torch.isfinite(asset.latent).all()


def test_a_refinement_goes_on_with_all_of_the_encoder(encoder: Path, tmp_path: Path) -> None:
    """Regression: loaded models are frozen, so that only the latents were trained."""
    folder = refine_latents(DATA, encoder, tmp_path / "refined", REFINEMENT, name="sharp")
    before, after = load_model(encoder / "model"), load_model(folder)
    trained, start = after.autoencoder.state_dict(), before.autoencoder.state_dict()
    for part in ("encoder.output_proj.weight", "field.mlp.shared.0.weight"):
        assert not torch.equal(trained[part], start[part])
    assert after.config.name == "sharp"
    latents = load_latents(tmp_path / "refined" / "latents")
    draws = REFINEMENT.objective.draws
    assert len(latents.assets) == len(latents.captions) == 6 * draws

    def encoding(done: int, total: int) -> None:
        raise AssertionError("refined latents need no encoding")

    train_prior(DATA, tmp_path / "refined", tmp_path / "prior", PRIOR, name="whole", encoding=encoding)


def test_a_refinement_may_start_from_a_whole_model(encoder: Path, tmp_path: Path) -> None:
    """Regression: the prior was named in the new config but not among the weights."""
    whole = train_prior(DATA, encoder, tmp_path / "prior", PRIOR, name="whole")
    folder = refine_latents(DATA, whole, tmp_path / "refined", REFINEMENT, name="sharp")
    refined = load_model(folder)
    assert (refined.prior, refined.config.text, refined.config.name) == (None, None, "sharp")


def test_a_prior_may_start_from_a_trained_one(encoder: Path, tmp_path: Path) -> None:
    first = train_prior(DATA, encoder, tmp_path / "first", PRIOR, name="first")
    # no step of any size: what was started from is what comes out
    still = replace(PRIOR, loop=replace(PRIOR.loop, steps=1, learning_rate=0.0))
    second = train_prior(DATA, encoder, tmp_path / "second", still, name="second", start=tmp_path / "first")
    assert tensors_of(second) == tensors_of(first)
    with pytest.raises(ModelError, match="no prior to start from"):
        train_prior(DATA, encoder, tmp_path / "third", still, name="third", start=encoder)
    wider = replace(still, model=replace(still.model, layers=3))
    with pytest.raises(ModelError, match="built otherwise"):
        train_prior(DATA, encoder, tmp_path / "third", wider, name="third", start=first)
    with pytest.raises(CheckpointError, match="begun with another start"):
        train_prior(DATA, encoder, tmp_path / "second", still, name="second")


def tensors_of(folder: Path) -> dict[str, list[float]]:
    model = load_model(folder)
    assert model.prior is not None
    return {name: tensor.flatten().tolist() for name, tensor in model.prior.state_dict().items()}


def test_latents_are_made_once_and_of_one_encoder(encoder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    run = tmp_path / "prior"
    for _ in range(2):
        train_prior(DATA, encoder, run, PRIOR, name="x", encoding=lambda *done: told.append(done))
    assert told == [(12, 12)]
    other = replace(ENCODER, loop=replace(ENCODER.loop, seed=1))
    train_encoder(DATA, tmp_path / "other", other, name="other")
    with pytest.raises(CheckpointError, match="latents of another encoder; choose another folder for --out"):
        train_prior(DATA, tmp_path / "other" / "model", run, PRIOR, name="x")


def test_data_that_do_not_do(records: list[AssetRecord], tmp_path: Path) -> None:
    larger = replace(ENCODER, objective=replace(ENCODER.objective, points=512))
    with pytest.raises(DatasetError, match="reads 512 points of an asset but the data set has 256"):
        train_encoder(DATA, tmp_path / "run", larger, name="x")
    more = replace(ENCODER, objective=replace(ENCODER.objective, queries=100_000))
    with pytest.raises(DatasetError, match="asks for 100000 field queries of an asset but the data set has"):
        train_encoder(DATA, tmp_path / "run", more, name="x")
    records.clear()
    with pytest.raises(DatasetError, match="holds no assets to train on"):
        train_encoder(DATA, tmp_path / "run", ENCODER, name="x")
    assert not (tmp_path / "run").exists()


def test_a_run_does_not_go_on_with_other_data_or_another_encoder(
    encoder: Path, records: list[AssetRecord], tmp_path: Path
) -> None:
    """Regression: only the recipe was compared, so that half a run could be of another data set."""
    refined = tmp_path / "refined"
    refine_latents(DATA, encoder, refined, REFINEMENT, name="x")
    other = replace(ENCODER, loop=replace(ENCODER.loop, seed=1))
    train_encoder(DATA, tmp_path / "other", other, name="other")
    with pytest.raises(CheckpointError, match="begun with another encoder; choose another folder"):
        refine_latents(DATA, tmp_path / "other", refined, REFINEMENT, name="x")
    del records[-1]
    with pytest.raises(CheckpointError, match="begun with another data set; choose another folder"):
        train_encoder(DATA, encoder, ENCODER, name="x")
