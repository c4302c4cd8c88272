"""The quick evaluation put together from its parts."""

from dataclasses import replace
from pathlib import Path

import pytest

from shapewright.dataset.colors import COLOR_NAMES
from shapewright.dataset.loader import AssetRecord
from shapewright.errors import ConfigError, DatasetError
from shapewright.evaluation import quick
from shapewright.evaluation.prompts import HOUSEHOLD_PROMPTS, Prompt
from shapewright.evaluation.quick import QuickConfig, evaluate_quick
from shapewright.evaluation.reconstruction import Reconstruction
from shapewright.pipeline import Pipeline
from tiny_assets import shelf
from tiny_models import random_model
from unit.evaluation.solids import Known, confetti

OTHERS = {
    "mesh_ssim": 0.5, "nerf_ssim": 0.5, "chamfer": 0.25, "fscore": 0.5, "normal_consistency": 0.5, "iou": 0.5
}  # fmt: skip


def made_up(**known: float) -> Reconstruction:
    return Reconstruction(**known, **OTHERS)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The assets that were measured; the true measurement has its own test."""
    seen: list[str] = []

    def measure(pipeline: Pipeline, record: AssetRecord, *, views: int, nerf_views: int) -> Reconstruction:
        seen.append(record.id)
        return made_up(mesh_psnr_db=20.0, nerf_psnr_db=float(views))

    monkeypatch.setattr(quick, "measure_reconstruction", measure)
    return seen


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> list[AssetRecord]:
    """Four training and two validation records."""
    found = [replace(record, split="train" if i < 4 else "val") for i, record in enumerate(shelf(points=512))]
    monkeypatch.setattr(quick, "load_dataset", lambda data: found)
    return found


def test_both_splits_and_samples(
    records: list[AssetRecord], measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "HOUSEHOLD_PROMPTS", (Prompt(text="a box", nouns=("box",)),))
    pipeline = Pipeline(random_model())
    drawn = {"a box": Known(confetti(records[3].points))}
    monkeypatch.setattr(pipeline, "generate", lambda prompt, n: [drawn[prompt]] * n)
    config, told = QuickConfig(assets=3, views=2, seeds=2), list[tuple[int, int, str]]()
    figures = evaluate_quick(pipeline, Path("data"), config, lambda *done: told.append(done))
    assert figures["model"] == "random"
    assert figures["train"] == {
        "assets": 3, "mesh_psnr_db": 20.0, "nerf_psnr_db": 2.0, **OTHERS
    }  # fmt: skip
    assert figures["val"]["assets"] == 2  # there are no more
    assert set(measured[3:]) == {record.id for record in records[4:]}
    assert figures["samples"]["samples"] == 2
    assert figures["samples"]["by_prompt"] == {"a box": 1.0}
    assert figures["samples"]["chance"] == 0.25  # of the training assets: a box among three balls
    assert told == [
        *((i, 3, "train") for i in range(3)),
        *((i, 2, "val") for i in range(2)),
        (0, 1, "samples"),
    ]


@pytest.mark.usefixtures("records")
def test_refined_reconstructions_stand_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(pipeline: Pipeline, record: AssetRecord, *, refine: int = 0, **_: int) -> Reconstruction:
        return made_up(mesh_psnr_db=20.0 + refine, nerf_psnr_db=15.0)

    monkeypatch.setattr(quick, "measure_reconstruction", measure)
    figures = evaluate_quick(
        Pipeline(random_model(with_prior=False)), Path("data"), QuickConfig(assets=1, refine=7)
    )
    assert figures["val"] == {
        "assets": 1, "mesh_psnr_db": 20.0, "nerf_psnr_db": 15.0, **OTHERS, "refined_mesh_psnr_db": 27.0,
        "refined_nerf_psnr_db": 15.0, **{f"refined_{name}": value for name, value in OTHERS.items()},
    }  # fmt: skip
    assert figures["train"].keys() == figures["val"].keys()


@pytest.mark.usefixtures("records", "measured")
def test_without_a_prior_or_seeds_there_are_no_samples() -> None:
    for model, seeds in ((random_model(with_prior=False), 2), (random_model(), 0)):
        assert "samples" not in evaluate_quick(Pipeline(model), Path("data"), QuickConfig(seeds=seeds))


@pytest.mark.usefixtures("measured")
def test_a_split_without_assets(records: list[AssetRecord]) -> None:
    del records[4:]
    pipeline = Pipeline(random_model(with_prior=False))
    with pytest.raises(DatasetError, match="no val assets to evaluate on"):
        evaluate_quick(pipeline, Path("data"), QuickConfig())


@pytest.mark.parametrize("settings", [{"assets": 0}, {"views": 0}, {"nerf_views": 0}, {"seeds": -1}])
def test_counts_outside_their_range(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must be at least 1, and seeds not negative"):
        QuickConfig(**settings)


def test_steps_of_refinement_are_not_negative() -> None:
    with pytest.raises(ConfigError, match="refine is a number of steps, or 0 for none; got -1"):
        QuickConfig(refine=-1)


def test_prompts_ask_for_colours_by_names_that_are_told_apart() -> None:
    assert len({prompt.text for prompt in HOUSEHOLD_PROMPTS}) == 24
    for prompt in HOUSEHOLD_PROMPTS:
        assert any(noun in prompt.text for noun in prompt.nouns)
        assert prompt.color is None or (prompt.color in COLOR_NAMES and prompt.color in prompt.text)
        said = [name for name in COLOR_NAMES if name in prompt.text.split()]
        assert said == ([prompt.color] if prompt.color else [])
