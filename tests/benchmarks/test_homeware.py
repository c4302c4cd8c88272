"""The shipped model's figures: those in the texts are those of the results, which are of these weights."""

import json
from pathlib import Path

import pytest

from benchmarks.scripts import script
from shapewright.models import locate
from shapewright.pipeline.model_folder import verify_folder

HOMEWARE = script("homeware")
FIGURES = json.loads(HOMEWARE.RESULTS.read_text(encoding="utf-8"))


def test_the_figures_are_of_the_weights_that_ship() -> None:
    assert FIGURES["model"] == "homeware"
    assert FIGURES["sha256"] == verify_folder(locate("homeware"))


@pytest.mark.parametrize("path", HOMEWARE.TEXTS, ids=lambda path: path.parent.name)
def test_the_texts_have_these_figures(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert HOMEWARE.with_figures(text, FIGURES) == text, "run benchmarks/homeware.py --only write"


def test_other_figures_would_be_seen() -> None:
    changed = json.loads(json.dumps(FIGURES))
    changed["val"]["mesh_psnr_db"] += 1.0
    assert HOMEWARE.block(changed) != HOMEWARE.block(FIGURES)


def test_a_text_without_marks() -> None:
    with pytest.raises(ValueError, match="no marks"):
        HOMEWARE.with_figures("# A card\n", FIGURES)


def test_a_part_keeps_the_other_while_it_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "homeware.json"
    monkeypatch.setattr(HOMEWARE, "RESULTS", results)
    HOMEWARE.keep(reconstructions={"train": {"assets": 1}})
    HOMEWARE.keep(samples={"samples": 4})
    told = json.loads(results.read_text())
    assert (told["train"], told["samples"]) == ({"assets": 1}, {"samples": 4})
    results.write_text(json.dumps({**told, "sha256": "of another prior"}))
    HOMEWARE.keep(reconstructions={"train": {"assets": 2}})
    told = json.loads(results.read_text())
    assert "samples" not in told
    results.write_text(json.dumps({**told, "autoencoder": {"encoder": "another"}}))
    HOMEWARE.keep(samples={"samples": 8})
    assert "train" not in json.loads(results.read_text())


def test_what_encode_gives_stands_beside_the_encoder_and_its_refinement() -> None:
    found = HOMEWARE.as_encoded({"assets": 2, "mesh_psnr_db": 20.0, "refined_mesh_psnr_db": 25.0})
    assert found == {"encoded_mesh_psnr_db": 25.0}
    for split in ("train", "val"):
        assert {f"{part}mesh_psnr_db" for part in HOMEWARE.PARTS} <= set(FIGURES[split])
