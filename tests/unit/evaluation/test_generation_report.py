"""Sections of made-up figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shapewright.dataset.views import Views
from shapewright.evaluation.generation import GenerationConfig, GenerationRun, Judged
from shapewright.evaluation.generation_report import generation_headline, generation_sections
from shapewright.evaluation.point_features import SetScores
from shapewright.evaluation.prompts import Prompt
from shapewright.evaluation.report import write_report
from shapewright.evaluation.retrieval import retrieve
from shapewright.evaluation.sample_set import Sample
from shapewright.evaluation.samples import Match
from tiny_assets import Ball, record_of

BALL, BOX = Prompt(text="a ball", nouns=("ball",)), Prompt(text="a box", nouns=("box",))
CONFIG = GenerationConfig(prompts=(BALL, BOX), seeds=2)
RECORD = record_of("ball", Ball(), views=1)
SETS = {
    "own": {"samples of prompts": SetScores(clouds=3, fid=1.5, floor=0.4, inception=2.0),
            "held-out assets": SetScores(clouds=9, fid=0.5, floor=0.2, inception=3.0)},
    "P": {"samples of prompts": SetScores(clouds=3, fid=None, floor=None, inception=4.0),
          "held-out assets": SetScores(clouds=9, fid=0.7, floor=0.3, inception=5.0)},
}  # fmt: skip
FIGURES: dict[str, Any] = {
    "model": "made up",
    "samples": {"category": 0.5, "chance": 0.1, "color": 0.25, "empty": 0.25, "new": 2, "new_obeyed": 0.5,
                "by_prompt": {"a ball": 1.0, "a box": 0.0}},
    "diversity": {"within_prompt": 0.1, "across_prompts": 0.2},
    "novelty": {"samples": 0.05, "held_out_assets": 0.06, "copies": 0.125},
    "seconds_a_sample": 1.5,
    "described": {"assets": 9, "generated": None,
                  "training_assets": {"clouds": 9, "coverage": 0.8, "minimum_matching": 0.04,
                                      "nearest_neighbour": 0.55}},
}  # fmt: skip


def run_of(figures: dict[str, Any] = FIGURES) -> GenerationRun:
    """Two balls, one box that looks like a ball, one that is empty."""
    pictures = [Image.new("RGBA", (8, 8), "red")]
    samples = [Sample(prompt=prompt, cloud=None, pictures=pictures) for prompt in (BALL, BALL, BOX)]
    samples.append(Sample(prompt=BOX, cloud=None, pictures=None))
    texts = np.eye(2, dtype=np.float32)
    retrieval = retrieve(texts[[0, 0, 0, 1]], texts, np.array([0, 0, 1, 1]))
    matches = [Match(record=RECORD, distance=0.1 * i) for i in (1, 2, 3)]
    return GenerationRun(
        samples=samples,
        matches=[*matches, None],
        judged=[Judged(name="judge", retrieval=retrieval, ceiling=0.9)],
        held_out=np.array([0.3, 0.2]),
        sets=SETS,
        figures=figures,
    )


def test_tables() -> None:
    first, prompts, _ = generation_sections(run_of(), CONFIG, ["Something was left out."])
    assert first.text.endswith("Something was left out.")
    retrieval, quality, described, networks = first.tables
    assert list(retrieval.columns) == ["method", "R-Precision (%), judge", "seconds a sample"]
    assert retrieval.rows == [
        ["made up", 75.0, 1.5],
        ["real held-out assets", 90.0, None],
        ["a guess", 50.0, None],
    ]
    assert quality.rows[-1] == ["nearer to a training asset than 95% of held-out assets (%; 5 is new)", 12.5]
    assert described.rows == [
        ["samples of their descriptions", None, None, None, None], ["training assets", 9, 80.0, 0.04, 55.0]
    ]  # fmt: skip
    kinds = [f"{name}-{kind}" for name in ("own", "P") for kind in ("FID", "FID floor", "IS")]
    assert list(networks.columns) == ["set", "shapes", *kinds]
    assert networks.rows[0] == ["samples of prompts", 3, 1.5, 0.4, 2.0, None, None, 4.0]
    assert prompts.tables[0].rows == [["a ball", 100.0, 100.0], ["a box", 0.0, 50.0]]


def test_what_was_not_measured_has_no_table() -> None:
    figures = {key: value for key, value in FIGURES.items() if key != "described"}
    run = run_of(figures)
    tables = generation_sections(run, CONFIG)[0].tables
    assert [table.title for table in tables][2:] == ["Point clouds as classifiers see them"]


def test_headline() -> None:
    assert generation_headline(run_of()) == [
        ("R-Precision, judge", "75%"), ("right kind", "50%"), ("right colour", "25%")
    ]  # fmt: skip


def test_failures_and_nearest_assets_are_shown() -> None:
    _, prompts, nearest = generation_sections(run_of(), CONFIG)
    farthest, wrong = prompts.galleries
    assert farthest.pictures[0][0] == "a box: seen as a ball"
    assert [caption for caption, _ in wrong.pictures] == ["a box: like ball"]
    assert [caption for caption, _ in nearest.galleries[0].pictures] == [
        "a ball | ball, 0.100",
        "a box | ball, 0.300",
    ]
    pair = nearest.galleries[0].pictures[0][1]
    assert pair.shape == (128, 256, 3)
    assert (pair[64, 64] == (255, 0, 0)).all()
    series = nearest.curves[0].series
    assert series["samples"][1] == pytest.approx([0.1, 0.2, 0.3])
    assert series["held-out assets"] == ([0, 100], [0.2, 0.3])


def test_it_can_be_written(tmp_path: Path) -> None:
    assert isinstance(RECORD.views(), Views)
    write_report(tmp_path, FIGURES, generation_sections(run_of(), CONFIG))
    page = (tmp_path / "report.html").read_text()
    assert "Nearest to another kind of thing" in page
    assert page.count("data:image/png") == 4 + 4 + 1 + 2
