"""Whole runs on solids in memory, a few steps each: what they leave and what they refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from shapewright.dataset.loader import AssetRecord
from shapewright.errors import CheckpointError, DatasetError
from shapewright.pipeline import load_model
from shapewright.training import runs
from shapewright.training.latent_shards import read_folder, read_shard
from shapewright.training.latents import load_latents
from shapewright.training.loop import LoopConfig
from shapewright.training.recipes.encoder import tiny, tiny_refinement
from shapewright.training.runs import refine_latents, train_encoder
from tiny_assets import shelf

DATA = Path("data")


def few(loop: LoopConfig) -> LoopConfig:
    return replace(loop, steps=3, batch_size=4)


ENCODER = replace(tiny(), loop=few(tiny().loop))
REFINEMENT = replace(tiny_refinement(), loop=few(tiny_refinement().loop))


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """What any data folder holds."""
    found = shelf()
    monkeypatch.setattr(runs, "load_dataset", lambda data, split: found)
    monkeypatch.setattr(runs, "digest_of_data", lambda data: "of the records in memory")
    return found


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    train_encoder(DATA, tmp_path / "encoder", ENCODER, name="small")
    return tmp_path / "encoder"


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
    assert latents.variations is not None
    assert [one.plain() == {} for one in latents.variations[:6]] == [True] * 6
    origin = read_folder(tmp_path / "refined" / "latents").origin
    assert (origin.model, origin.model_sha256) == (str(folder), after.sha256)
    assert read_shard(tmp_path / "refined" / "latents" / "train-00000.safetensors").credits["test/ball"] == {
        "name": "ball",
        "license": "CC0",
        "creator": "nobody",
        "source": "test",
    }


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
