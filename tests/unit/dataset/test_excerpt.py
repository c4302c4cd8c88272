"""An excerpt is a data set: the same assets, read from the same shards."""

from dataclasses import replace

import numpy as np
import pytest

from shapewright.dataset.build import build_dataset
from shapewright.dataset.excerpt import write_excerpt
from shapewright.dataset.folder import read_folder
from shapewright.dataset.loader import load_dataset
from shapewright.dataset.recipes import DataRecipe
from shapewright.errors import DatasetError


def test_the_first_of_each_split(shelf, tmp_path):
    recipe = replace(DataRecipe.tiny(), assets_per_shard=3, validation_share=0.4)
    build_dataset(read_folder(shelf), recipe, tmp_path / "out")
    write_excerpt(tmp_path / "out", tmp_path / "few", count=1)
    assert [path.name for path in (tmp_path / "few").iterdir()] == ["index.json"]
    for split in ("train", "val"):
        (record,) = load_dataset(tmp_path / "few", split)
        first = load_dataset(tmp_path / "out", split)[0]
        assert record.id == first.id
        np.testing.assert_array_equal(record.points, first.points)
        np.testing.assert_array_equal(record.views().images, first.views().images)


def test_of_what_is_no_dataset(tmp_path):
    with pytest.raises(DatasetError, match="data build"):
        write_excerpt(tmp_path, tmp_path / "few", count=1)
    assert not (tmp_path / "few").exists()
