from dataclasses import replace

import numpy as np
import pytest

from shapewright.dataset.build import build_dataset
from shapewright.dataset.folder import read_folder
from shapewright.dataset.loader import load_dataset
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import DatasetError


@pytest.fixture
def built(shelf, tmp_path):
    recipe = replace(DataRecipe.tiny(), assets_per_shard=3, validation_share=0.4)
    build_dataset(read_folder(shelf), recipe, tmp_path / "out")
    return tmp_path / "out"


def test_splits_add_up(built):
    everything = load_dataset(built)
    parts = [*load_dataset(built, "train"), *load_dataset(str(built), "val")]
    assert sorted(record.id for record in parts) == sorted(record.id for record in everything)
    assert all(record.split == "train" for record in load_dataset(built, "train"))


def test_arrays_are_finite_and_in_range(built):
    for record in load_dataset(built):
        assert np.isfinite(record.points).all()
        assert np.abs(record.points[:, :3]).max() <= 1
        assert record.points[:, 3:].min() >= 0
        assert record.points[:, 3:].max() <= 1
        assert len(record.queries) == len(record.signed_distance) == len(record.query_colors) == 2048
        lengths = np.linalg.norm(record.query_normals.astype(float), axis=1) / 127
        np.testing.assert_allclose(lengths, 1, atol=0.01)


def test_what_is_no_dataset_is_said_so(tmp_path):
    with pytest.raises(DatasetError, match="data build"):
        load_dataset(tmp_path)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(DatasetError, match="not the index"):
        load_dataset(tmp_path)
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(DatasetError, match="cannot be read"):
        load_dataset(tmp_path)


def test_unknown_split(built):
    with pytest.raises(DatasetError, match=r"'test'.*train.*val"):
        load_dataset(built, "test")


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_damaged_shards(built, damage):
    shard = max(built.glob("*.tar"), key=lambda path: path.stat().st_size)
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:3000])
    else:
        shard.unlink()
    with pytest.raises(DatasetError, match=shard.name):
        load_dataset(built)
