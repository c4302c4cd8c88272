"""What a contest is held with: kept results, texts, and the page that they go to."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.scripts import script
from shapewright.training.latents import LatentSet
from shapewright.training.variation import Variation
from tiny_models import FakeText

CONTEST, TOLD, PAGE, SPANS = (script(name) for name in ("contest", "contest_told", "contest_page", "spans"))


def test_what_is_kept_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> dict[str, int]:
        made.append(1)
        return {"answer": 42}

    assert CONTEST.kept(tmp_path / "new" / "a.json", make) == {"answer": 42}
    assert CONTEST.kept(tmp_path / "new" / "a.json", make) == {"answer": 42}
    first = CONTEST.kept_array(tmp_path / "b.npy", lambda: np.arange(len(made)))
    np.testing.assert_array_equal(CONTEST.kept_array(tmp_path / "b.npy", lambda: np.zeros(9)), first)
    assert len(made) == 1


def test_texts_are_read_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TOLD, "MiniLM", FakeText)
    texts = ["a chair", "a red chair", "a tree"]
    TOLD.KeptTexts(tmp_path / "captions.npz", texts)
    monkeypatch.delattr(TOLD, "MiniLM")
    again = TOLD.KeptTexts(tmp_path / "captions.npz", texts).encode(["a tree", "a chair"])
    torch.testing.assert_close(again.pooled, FakeText().encode(["a tree", "a chair"]).pooled)
    assert not again.mask.any()


def test_pictures_are_told_of_assets_as_they_are() -> None:
    changes = [Variation(), Variation(mirrored=True), Variation()]
    latents = torch.arange(24.0).reshape(3, 2, 4)
    every = LatentSet(
        latents=latents, assets=["a", "a", "b"], captions=[["x"], ["y"], ["z"]], variations=changes
    )
    found = CONTEST.unvaried(every)
    assert found.assets == ["a", "b"]
    assert found.captions == [["x"], ["z"]]
    torch.testing.assert_close(found.latents, latents[[0, 2]])


SCORES = {
    "kind": 0.5,
    "kind_of_captions": 0.25,
    "color": None,
    "coverage": 0.3,
    "minimum_matching": 0.0712,
    "nearest_neighbour": 0.9,
    "nearest": 0.06,
    "extent": 0.95,
    "own": 0.1,
    "own_rank": 0.75,
}


def runs(folder: Path) -> dict[str, Path]:
    found = {rival: folder / name for rival, name in ((CONTEST.LATENTS, "l"), (CONTEST.POINTS, "p"))}
    for run in found.values():
        run.mkdir()
        marks = [SPANS.Mark(step=step, cpu_s=step / 10, loss=1 / step) for step in (100, 1200)]
        (run / "marks.json").write_text(json.dumps([asdict(mark) for mark in marks]))
        for mark in marks:
            (run / f"scores-{mark.step:06d}.json").write_text(json.dumps(SCORES))
    return found


@pytest.mark.parametrize(
    ("kind", "figures"),
    [
        ("text", "0.50 | 0.25 | – | 0.30 | 0.071 | 0.90 | 0.060 | 0.95"),
        ("image", "0.100 | 0.75 | 0.25 | 0.30 | 0.071 | 0.90 | 0.060 | 0.95"),
    ],
)
def test_the_table_has_every_mark_and_the_bounds(tmp_path: Path, kind: str, figures: str) -> None:
    plan = {rival: {"gigaflops_a_step": 50.0} for rival in (CONTEST.LATENTS, CONTEST.POINTS)}
    table = PAGE.tables(runs(tmp_path), {"real assets": SCORES}, plan, kind).splitlines()
    assert len(table) == 2 + 4 + 1
    assert table[3] == f"| Shap-E: latents | 1,200 | 120 | 60.0 | {figures} |"
    assert table[-1] == f"| real assets |  |  |  | {figures} |"
    assert len({row.count("|") for row in table}) == 1


@pytest.mark.parametrize("kind", ["text", "image"])
def test_curves_are_drawn(tmp_path: Path, kind: str) -> None:
    bounds = {"points of all assets mixed": SCORES}
    PAGE.curves(runs(tmp_path), bounds, tmp_path / "curves.png", kind)
    assert (tmp_path / "curves.png").stat().st_size > 5000
