"""Sets of latents: in memory, on disk in shards, and in the form before that."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from shapewright.dataset.augment import Recolor
from shapewright.dataset.captions import names_color
from shapewright.errors import DatasetError
from shapewright.prior import LatentStatistics
from shapewright.training.latent_shards import LatentOrigin, begin_folder, read_folder, read_shard
from shapewright.training.latents import (
    LatentSet,
    captions_of_varied,
    load_latents,
    save_latents,
    statistics_of,
)
from shapewright.training.variation import Augmentation, Variation, varied, vary
from tiny_assets import Brick, record_of, shelf

ORIGIN = LatentOrigin(model="m", model_sha256="1", data="d", data_sha256="2", settings={"draws": 2})
CREDITS = {"a": {"name": "A", "license": "CC0", "creator": "somebody", "source": "test"}}
CHANGE = Recolor(source=np.array([0.1, 0.2, 0.3]), target=np.ones(3) / 3, to_color="red", share=0.7)
VARIATIONS = [Variation(), Variation(mirrored=True, factors=(1.1, 0.9, 1.0), recolor=CHANGE)]


def small_set() -> LatentSet:
    torch.manual_seed(0)
    return LatentSet(
        latents=torch.randn(2, 3, 4),
        assets=["a", "a"],
        captions=[["chaise en chêne"], []],
        variations=VARIATIONS,
    )


def save_old(folder: Path, latents: LatentSet) -> None:
    """As sets were written before there were shards."""
    folder.mkdir()
    save_file({"latents": latents.latents}, folder / "latents.safetensors")
    described = {"assets": latents.assets, "captions": latents.captions}
    (folder / "latents.json").write_text(json.dumps(described))


def test_they_come_back_from_their_files(tmp_path: Path) -> None:
    latents, folder = small_set(), tmp_path / "latents"
    save_latents(latents, folder, ORIGIN, CREDITS)
    found = load_latents(folder)
    assert torch.equal(found.latents, latents.latents)
    assert (found.assets, found.captions) == (latents.assets, latents.captions)
    assert found.variations is not None
    assert [one.plain() for one in found.variations] == [one.plain() for one in VARIATIONS]
    assert read_shard(folder / "train-00000.safetensors").credits == CREDITS
    assert read_folder(folder).origin == ORIGIN
    expected = LatentStatistics.measure([latents.latents], clip=3.0)
    assert torch.equal(statistics_of(folder, clip=3.0).mean, expected.mean)
    assert statistics_of(folder, clip=3.0).clip == 3.0
    assert {path.name for path in folder.iterdir()} == {
        "index.json",
        "statistics.safetensors",
        "train-00000.safetensors",
    }
    with pytest.raises(DatasetError, match="no latents of the split 'val'"):
        load_latents(folder, "val")


def test_another_set_takes_the_place_of_the_first(tmp_path: Path) -> None:
    save_old(tmp_path / "latents", small_set())
    first = load_latents(tmp_path / "latents")
    assert torch.equal(first.latents, small_set().latents)
    assert first.variations is None, "the form before shards did not keep them"
    other = LatentSet(latents=torch.zeros(1, 3, 4), assets=["b"], captions=[["b"]])
    save_latents(other, tmp_path / "latents", ORIGIN, {})
    assert load_latents(tmp_path / "latents").assets == ["b"]
    assert load_latents(tmp_path / "latents").digest != first.digest


def test_the_form_before_shards_is_read(tmp_path: Path) -> None:
    """Its digest too is as it was, so that a run which was begun on it goes on."""
    save_old(tmp_path / "latents", small_set())
    found = load_latents(tmp_path / "latents")
    assert (found.assets, found.captions) == (["a", "a"], [["chaise en chêne"], []])
    assert found.digest == hashlib.sha256(small_set().latents.numpy().tobytes()).hexdigest()
    statistics = statistics_of(tmp_path / "latents", clip=4.0)
    torch.testing.assert_close(statistics.mean, found.latents.mean(dim=0))
    with pytest.raises(DatasetError, match="no latents of the split 'val'"):
        load_latents(tmp_path / "latents", "val")


def test_rows_of_several_parts() -> None:
    parts = [torch.randn(count, 2, 3) for count in (3, 1, 4)]
    whole = LatentSet(latents=[part.half() for part in parts], assets=list("abcdefgh"), captions=[[]] * 8)
    assert len(whole) == 8
    assert whole.shape == (2, 3)
    rows = np.array([7, 0, 3, 2, 3])
    assert torch.equal(whole.rows(rows), torch.cat(parts).half().float()[rows])
    assert whole.rows(rows).dtype == torch.float32
    assert torch.equal(torch.cat(list(whole.batches())).float(), whole.latents)


def test_only_latents_of_the_same_origin_go_on(tmp_path: Path) -> None:
    begin_folder(tmp_path, ORIGIN)
    moved = LatentOrigin(
        model="elsewhere", model_sha256="1", data="x", data_sha256="2", settings={"draws": 2}
    )
    begin_folder(tmp_path, moved)
    assert read_origin(tmp_path) == ORIGIN
    others = LatentOrigin(model="m", model_sha256="9", data="d", data_sha256="2", settings={"draws": 3})
    with pytest.raises(DatasetError, match="made with another encoder and another settings; choose another"):
        begin_folder(tmp_path, others)
    with pytest.raises(DatasetError, match="not complete: run the same command again"):
        load_latents(tmp_path)


def read_origin(folder: Path) -> LatentOrigin:
    return LatentOrigin(**json.loads((folder / "index.json").read_text())["origin"])


@pytest.mark.parametrize("name", ["train-00000.safetensors", "index.json"])
@pytest.mark.parametrize("damage", [b"garbage", b"{}"])
def test_damaged_files_are_told(tmp_path: Path, name: str, damage: bytes) -> None:
    save_latents(small_set(), tmp_path, ORIGIN, CREDITS)
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(DatasetError, match=name):
        load_latents(tmp_path)


@pytest.mark.parametrize("name", ["latents.safetensors", "latents.json"])
@pytest.mark.parametrize("damage", [None, b"garbage", b"{}"])
def test_damaged_files_of_the_form_before_shards_are_told(
    tmp_path: Path, name: str, damage: bytes | None
) -> None:
    save_old(tmp_path / "latents", small_set())
    (tmp_path / "latents" / name).unlink()
    if damage is not None:
        (tmp_path / "latents" / name).write_bytes(damage)
    with pytest.raises(DatasetError, match="no usable latents"):
        load_latents(tmp_path / "latents")


def test_recoloured_assets_are_called_by_their_colour_only() -> None:
    record, change = shelf()[0], replace(Augmentation.none(), recolor=1.0)
    plain, recolored = (
        vary(record, slice(0, 1), 256, augmentation, np.random.default_rng(1))
        for augmentation in (Augmentation.none(), change)
    )
    assert captions_of_varied(record, plain) == record.texts("en")
    assert any(not names_color(text) for text in record.texts("en"))
    texts = captions_of_varied(record, recolored)
    assert len(texts) > 2
    assert all(names_color(text) for text in texts)
    assert not set(texts) & set(record.texts("en")), "in another colour"


def test_stretched_assets_are_called_by_the_shape_that_they_have_then() -> None:
    cube = Brick((0.6, 0.6, 0.6))
    record = replace(record_of("bookcase", cube, points=512), dimensions=[1.0, 1.0, 1.6], dimensions_unit="m")
    tall = Variation(factors=(0.5, 0.5, 1.5))
    as_it_is, stretched = (
        captions_of_varied(record, varied(record, slice(0, 1), 512, one)) for one in (Variation(), tall)
    )
    assert "a tall bookcase" in stretched
    assert "a tall bookcase" not in as_it_is


def test_real_sizes_are_not_said_of_stretched_assets() -> None:
    record = replace(record_of("sofa", Brick()), dimensions=[1.6, 0.8, 0.8], dimensions_unit="m")
    as_it_is, stretched = (
        captions_of_varied(record, varied(record, slice(0, 1), 256, one))
        for one in (Variation(), Variation(factors=(1.1, 1.0, 1.0)))
    )
    assert "a two-seater sofa" in as_it_is
    assert not any("seat" in text for text in stretched)
    assert "a red sofa" in stretched
