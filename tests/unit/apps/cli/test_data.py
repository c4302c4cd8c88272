"""`data build` on a folder of meshes."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from command_line import Shapewright
from shapewright.dataset.loader import load_dataset
from shapewright.geometry.mesh_files import save
from solids import cube_mesh


def test_a_folder_becomes_a_data_set(shapewright: Shapewright, here: Path) -> None:
    for index in range(3):
        save(
            cube_mesh(colors=np.full((8, 3), index / 3, dtype=np.float32)), here / f"models/cube-{index}.glb"
        )
    (here / "models/broken.glb").write_bytes(b"rubbish" * 100)
    arguments = ("data", "build", "models", "--out", "set", "--recipe", "tiny", "--workers", "1", "--json")
    outcome = shapewright(*arguments)
    assert outcome.code == 0
    assert (outcome.json["folder"], outcome.json["records"]) == ("set", 3)
    assert "cannot be read" in outcome.json["skipped"]["broken-glb"]
    assert len(load_dataset(here / "set")) == 3
    assert shapewright(*arguments).json == outcome.json  # nothing left to do


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "nothing"),
        (["."], ""),
        ([], "needs the path"),
        (["--workers", "0"], "--workers"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    shapewright: Shapewright, here: Path, arguments: list[str], message: str
) -> None:
    outcome = shapewright("data", "build", *arguments, "--out", "set", "--recipe", "tiny", "--json")
    assert outcome.code == 2
    assert outcome.is_one_sentence(), outcome
    assert message in outcome.err
    assert list(here.iterdir()) == []


def test_a_lexicon_is_made_of_a_data_sets_names(shapewright: Shapewright, here: Path) -> None:
    captions = [{"text": "a red chair", "language": "en"}, {"text": "roter stuhl", "language": "de"}]
    index = {"format": "shapewright-dataset", "version": 1, "complete": True, "skipped": []}
    Path("set").mkdir()
    Path("set/index.json").write_text(
        json.dumps({**index, "records": [{"nouns": ["chair"], "captions": captions}]})
    )
    outcome = shapewright("data", "lexicon", "--data", "set", "--output", "words.json.gz")
    assert outcome.code == 0, outcome
    assert "1 names in 1 languages" in outcome.out
    told = json.loads(gzip.decompress(Path("words.json.gz").read_bytes()))
    assert told["names"]["de"]["roter stuhl"] == "chair"
    Path("set/index.json").write_text(
        json.dumps({**index, "records": [{"nouns": ["chair"], "captions": captions[:1]}]})
    )
    english = shapewright("data", "lexicon", "--data", "set", "--output", "words.json.gz")
    assert english.code == 2
    assert "are all in English" in english.err
