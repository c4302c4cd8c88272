"""Which assets are measured."""

import json
from pathlib import Path

import pytest

from shapewright.dataset.loader import load_dataset
from shapewright.errors import DatasetError
from shapewright.evaluation.chosen import choose, chosen_records
from tiny_assets import shelf
from tiny_dataset import build_prisms


def test_the_choice_is_random_but_fixed() -> None:
    records = shelf()
    chosen = [record.id for record in choose(records, 4, "train")]
    assert chosen == [record.id for record in choose(records, 4, "train")]
    assert len(set(chosen)) == 4
    assert chosen != [record.id for record in records[:4]]


@pytest.fixture(scope="module")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_prisms(tmp_path_factory.mktemp("prisms"))


def test_records_are_those_that_would_be_chosen_of_all(prisms: Path) -> None:
    chosen = chosen_records(prisms, ("val", "train"), 4)
    assert [record.split for record in chosen] == ["val"] + ["train"] * 4
    every = choose(load_dataset(prisms, "train"), 4, "train")
    assert [record.id for record in chosen[1:]] == [record.id for record in every]
    loaded = chosen[1].load()
    assert (loaded.id, loaded.name) == (every[0].id, every[0].name)
    assert loaded.points.shape == (256, 6)


def test_a_split_that_is_empty(prisms: Path, tmp_path: Path) -> None:
    index = json.loads((prisms / "index.json").read_text())
    index["records"] = [record for record in index["records"] if record["split"] == "train"]
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(DatasetError, match="has no val assets to evaluate on"):
        chosen_records(tmp_path, ("train", "val"), 2)
