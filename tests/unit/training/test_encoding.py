"""A data set to latents: draws, captions, both branches, and runs that are stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shapewright.autoencoder import Autoencoder, AutoencoderConfig
from shapewright.dataset.loader import load_dataset
from shapewright.encoder import ViewBranchConfig
from shapewright.errors import ConfigError, DatasetError, ModelError
from shapewright.pipeline import Model, ModelConfig
from shapewright.pipeline.asset_input import view_batch
from shapewright.training import encoding
from shapewright.training.encoding import LatentsConfig, encode_records, make_latents
from shapewright.training.latent_shards import read_folder, read_shard
from shapewright.training.latents import load_latents
from shapewright.training.recipes.encoder import tiny
from shapewright.training.variation import Augmentation
from tiny_assets import shelf
from tiny_dataset import VIEW_PX, VIEWS

RECOLORED = Augmentation(mirror=0.0, recolor=1.0, scale=0.0, stretch=0.0)
CONFIG = LatentsConfig(draws=2, augmentation=RECOLORED)


def test_the_first_draw_is_the_asset_as_it_is(encoder: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "BATCH_OF_POINTS", 5)  # does not divide 12: the last batch is smaller
    records, told = shelf(), list[tuple[int, int]]()
    latents, entries = encode_records(encoder, records, CONFIG, progress=lambda *done: told.append(done))
    assert latents.shape == (12, 8, 8)
    assert [entry.asset for entry in entries] == [record.id for record in records for _ in range(2)]
    assert told == [(5, 12), (10, 12), (12, 12)]
    clouds = torch.from_numpy(np.stack([record.points[:200] for record in records])).float()
    # batches of other sizes round otherwise
    torch.testing.assert_close(latents[::2], encoder.autoencoder.eval().encode(clouds), rtol=0, atol=1e-5)
    assert not torch.allclose(latents[1::2], latents[::2])


def test_captions_follow_the_colours(encoder: Model) -> None:
    records = shelf()
    _, entries = encode_records(encoder, records, CONFIG)
    assert entries[0].captions == records[0].texts("en")
    assert "a red ball" in entries[0].captions
    assert entries[1].captions
    assert not set(entries[1].captions) & set(entries[0].captions), "called by its new colour"
    assert entries[1].variation.recolor is not None


def test_a_draw_does_not_depend_on_what_else_is_encoded(encoder: Model) -> None:
    config = replace(CONFIG, augmentation=Augmentation(mirror=0.5, recolor=0.5, scale=1.0, stretch=0.2))
    whole, entries = encode_records(encoder, shelf(), config)
    alone, own = encode_records(encoder, shelf()[4:5], config)
    torch.testing.assert_close(alone, whole[8:10], rtol=0, atol=1e-5)
    assert own[1].variation.plain() == entries[9].variation.plain()
    assert own[1].variation.factors is not None
    other, _ = encode_records(encoder, shelf()[4:5], replace(config, seed=1))
    assert not torch.allclose(other[1], alone[1])


def test_a_data_set_is_encoded_with_its_licences_split_by_split(
    encoder: Model, prisms: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    made = make_latents(encoder, "here", prisms, tmp_path, CONFIG, progress=lambda *done: told.append(done))
    assert {shard.split: shard.latents for shard in made.shards if shard.split == "val"} == {"val": 2}
    assert told[-1] == (14, 14)
    train, val = load_latents(tmp_path), load_latents(tmp_path, "val")
    assert (len(train), val.assets) == (12, ["box-ply", "box-ply"])
    records = {record.id: record for record in load_dataset(prisms)}
    cloud = torch.from_numpy(records["box-ply"].points[None, :200]).float()
    expected = encoder.autoencoder.eval().encode(cloud)
    torch.testing.assert_close(val.latents[:1], expected, rtol=0, atol=1e-5)
    assert "a red box" in val.captions[0]
    credits = read_shard(tmp_path / made.shards[0].file).credits
    assert all(set(credit) == {"name", "license", "creator", "source"} for credit in credits.values())
    assert (made.origin.model, made.origin.model_sha256) == ("here", encoder.sha256)


def test_a_run_that_was_killed_goes_on(encoder: Model, prisms: Path, tmp_path: Path) -> None:
    def killed(done: int, total: int) -> None:
        if done > 6:  # in the second of three shards
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_latents(encoder, "x", prisms, tmp_path / "one", CONFIG, progress=killed)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").glob("train-*")}
    assert len(kept) == 1
    (tmp_path / "one" / ".train-00001.123.tmp.safetensors").write_bytes(b"half of it")
    with pytest.raises(DatasetError, match="made with another settings; choose another folder"):
        make_latents(encoder, "x", prisms, tmp_path / "one", replace(CONFIG, draws=3))
    resumed = make_latents(encoder, "x", prisms, tmp_path / "one", CONFIG)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "made once"
    assert not list((tmp_path / "one").glob(".*"))
    straight = make_latents(encoder, "x", prisms, tmp_path / "two", CONFIG)
    assert resumed.shards == straight.shards, "the same bytes"
    assert read_folder(tmp_path / "one") == resumed


def test_precision_of_the_files(encoder: Model, prisms: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, draws=1, splits=("val",))
    make_latents(encoder, "x", prisms, tmp_path / "full", config)
    make_latents(encoder, "x", prisms, tmp_path / "half", replace(config, precision="fp16"))
    full, half = (load_latents(tmp_path / name, "val").latents for name in ("full", "half"))
    assert half.dtype == torch.float32
    assert torch.equal(half, full.half().float())


@pytest.fixture(scope="module")
def seeing() -> Model:
    """An encoder of points and views."""
    torch.manual_seed(0)
    base = tiny().model
    assert base.encoder is not None
    config = AutoencoderConfig(
        encoder=replace(base.encoder, views=ViewBranchConfig(octaves=2, patch_px=16)), field=base.field
    )
    return Model(
        config=ModelConfig(name="seeing", autoencoder=config, points=200, views=2, view_size_px=VIEW_PX),
        autoencoder=Autoencoder(config),
    )


def test_views_are_encoded_with_the_points(seeing: Model, prisms: Path) -> None:
    (record,) = load_dataset(prisms, "val")
    latents, _ = encode_records(seeing, [record], replace(CONFIG, draws=3))
    shown = record.views()
    views = view_batch(replace(shown, images=shown.images.copy()))  # torch minds what cannot be written
    for name in ("rgb", "alpha", "origins", "positions"):
        setattr(views, name, getattr(views, name)[:, :2])
    points = torch.from_numpy(record.points[None, :200]).float()
    # batches of other sizes round otherwise
    torch.testing.assert_close(
        latents[:1], seeing.autoencoder.eval().encode(points, views), rtol=0, atol=1e-5
    )
    assert not torch.allclose(latents[1], latents[0])


def test_an_encoder_that_sees_more_than_there_is(seeing: Model, encoder: Model, prisms: Path) -> None:
    records = load_dataset(prisms, "val")
    with pytest.raises(DatasetError, match=f"sees {VIEWS + 1} views of 32 px .* has {VIEWS} of 32 px"):
        encode_records(asking(seeing, views=VIEWS + 1), records, CONFIG)
    with pytest.raises(DatasetError, match="sees 2 views of 64 px"):
        encode_records(asking(seeing, view_size_px=64), records, CONFIG)
    with pytest.raises(DatasetError, match="reads 5000 points of an asset but the data set has 256"):
        encode_records(asking(encoder, points=5000), records, CONFIG)


def asking(model: Model, **changes: int) -> Model:
    return replace(model, config=replace(model.config, **changes))


def test_what_cannot_be_encoded(encoder: Model, prisms: Path, tmp_path: Path) -> None:
    decoder = AutoencoderConfig(encoder=None, field=tiny().model.field)
    blind = Model(config=ModelConfig(name="blind", autoencoder=decoder), autoencoder=Autoencoder(decoder))
    with pytest.raises(ModelError, match="'blind' has no encoder"):
        make_latents(blind, "x", prisms, tmp_path / "out", CONFIG)
    with pytest.raises(DatasetError, match="is not a data set"):
        make_latents(encoder, "x", tmp_path, tmp_path / "out", CONFIG)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ConfigError, match="draws must be at least 1"):
        LatentsConfig(draws=0)
    with pytest.raises(ConfigError, match="splits must be 'train', 'val' or both"):
        LatentsConfig(splits=())
