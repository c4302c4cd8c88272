"""From a folder of somebody's models to records with captions."""

from pathlib import Path

import pytest

from own_models import write_own_models
from shapewright.dataset.build import build_dataset
from shapewright.dataset.folder import read_folder
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import CheckpointError, DatasetError
from shapewright.geometry.mesh_files import save
from shapewright.training.finetuning_data import data_recipe, read_material
from solids import prism_mesh
from tiny_models import random_model
from tiny_official import TRANSMITTER, official_model

SMALL = random_model(with_prior=False).config


def test_written_captions_go_before_names_of_files(tmp_path: Path) -> None:
    own, told = write_own_models(tmp_path / "own"), list[str]()
    (own / "broken.ply").write_text("nothing")
    run = tmp_path / "run"
    material = read_material(own, run, SMALL, working=lambda stage, done, total: told.append(stage))
    assert [record.id for record in material.records] == ["bigcube-2-ply", "prism-ply"]
    assert {record.split for record in material.records} == {"train"}  # none is held back
    assert {len(record.points) for record in material.records} == {SMALL.points}
    assert material.captions["prism-ply"] == ["a zorbix", "a grey zorbix"]
    assert "a big cube" in material.captions["bigcube-2-ply"]
    assert list(material.skipped) == ["broken-ply"]
    assert set(told) == {"plan", "build"}
    # captions are the newest; the records are built once
    (own / "captions.csv").write_text("file,caption\nBigCube_2.ply,a quindle\n")
    (tar,) = (run / "data").glob("*.tar")
    built = tar.stat().st_mtime_ns
    again = read_material(own, run, SMALL)
    assert again.captions["bigcube-2-ply"] == ["a quindle"]
    assert "a prism" in again.captions["prism-ply"]
    assert "a zorbix" not in again.captions["prism-ply"]
    assert tar.stat().st_mtime_ns == built
    save(prism_mesh(5), own / "prism.ply")
    with pytest.raises(CheckpointError, match="was begun with other 3D models; choose another folder"):
        read_material(own, run, SMALL)


def test_a_data_set_is_taken_as_it_is(tmp_path: Path) -> None:
    assets = read_folder(write_own_models(tmp_path / "own"))
    recipe = DataRecipe(
        name="x", points=256, views=1, view_size_px=16, targets=64, supersample=1, validation_share=0.0
    )
    build_dataset(assets, recipe, tmp_path / "data")
    material = read_material(tmp_path / "data", tmp_path / "run", SMALL)
    assert material.captions["prism-ply"] == ["a zorbix", "a grey zorbix"]
    assert "a big cube" in material.captions["bigcube-2-ply"]
    assert not (tmp_path / "run").exists()


def test_data_fit_what_the_model_looks_at() -> None:
    assert data_recipe(SMALL).points == SMALL.points
    assert data_recipe(SMALL).views == 1
    seeing = official_model("image", encoder=TRANSMITTER).config
    assert (data_recipe(seeing).views, data_recipe(seeing).view_size_px) == (4, 32)


def test_folders_that_do_not_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is not a folder"):
        read_material(tmp_path / "nothing", tmp_path / "run", SMALL)
    (tmp_path / "own").mkdir()
    with pytest.raises(DatasetError, match="holds no mesh files"):
        read_material(tmp_path / "own", tmp_path / "run", SMALL)
    (tmp_path / "own" / "broken.ply").write_text("nothing")
    with pytest.raises(DatasetError, match=r"None of the models in .* can be used \(broken-ply: "):
        read_material(tmp_path / "own", tmp_path / "run", SMALL)
