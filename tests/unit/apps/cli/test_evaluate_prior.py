"""`shapewright evaluate prior`, `all` and `judge` on a small data set and a random model."""

import json
from pathlib import Path

import pytest

from command_line import Shapewright
from shapewright.evaluation import judge as judges
from shapewright.evaluation.judge import Judge, save_judge
from tiny_models import FakeText
from unit.evaluation.solids import coarse_surfaces

PROMPTS = "a red box\na blue nut\n\na red box\n"


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)
    monkeypatch.setattr("shapewright.evaluation.sample_set.CLOUD_POINTS", 64)
    monkeypatch.setattr("shapewright.evaluation.generation.POINTS", 64)
    monkeypatch.setattr("shapewright.evaluation.samples.POINTS", 64)
    monkeypatch.setattr("shapewright.evaluation.retrieval.VIEW_SIZE_PX", 32)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that reads texts as the tiny models do."""
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    whole = Judge.untrained()
    save_judge(Judge(heads=whole.heads, figures={"val": {"r_precision": 0.9}}), path)
    return path


@pytest.fixture(autouse=True)
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "MiniLM", FakeText)


def test_samples_are_drawn_once_and_judged_again(
    shapewright: Shapewright, model_folder: Path, prisms: Path, judge: Path, here: Path
) -> None:
    Path("prompts.txt").write_text(PROMPTS)
    command = ("evaluate", "prior", "--model", model_folder, "--data", prisms, "--judge", judge)
    command = (*command, "--prompts", "prompts.txt", "--seeds", "2", "--described", "1", "--out", "report")
    first = shapewright(*command)
    assert first.code == 0, first
    assert "Drawing and judging 5 samples" in first.err
    assert "| method | R-Precision (%), in-domain judge | seconds a sample |" in first.out
    figures = json.loads(Path("report/results.json").read_text())
    assert figures["samples"]["samples"] == 4
    assert set(figures["samples"]["by_prompt"]) == {"a red box", "a blue nut"}
    said = figures["judges"]["in-domain judge"]
    assert said["chance"] == 0.5
    assert said["r_precision"] in (0.0, 0.25, 0.5, 0.75, 1.0)
    assert said["r_precision_ceiling"] is None, "that of the hundred prompts is no ceiling of these"
    assert figures["described"]["assets"] == 1
    assert 0 <= figures["novelty"]["samples"] < 2
    page = Path("report/report.html").read_text()
    assert "a blue nut" in page
    assert page.count("data:image") >= 8

    kept = {path: path.stat().st_mtime_ns for path in Path("report/samples").iterdir()}
    assert len(kept) == 4
    again = shapewright(*command)
    assert again.code == 0, again
    assert {path: path.stat().st_mtime_ns for path in Path("report/samples").iterdir()} == kept
    second = json.loads(Path("report/results.json").read_text())
    assert second["judges"] == figures["judges"]
    assert second["samples"] == figures["samples"]


def test_samples_of_another_model_are_drawn_anew(
    shapewright: Shapewright,
    model_folder: Path,
    empty_model_folder: Path,
    prisms: Path,
    judge: Path,
    here: Path,
) -> None:
    Path("prompts.txt").write_text(PROMPTS)
    common = ("--data", prisms, "--judge", judge, "--prompts", "prompts.txt", "--seeds", "1")
    common = (*common, "--described", "0", "--out", "report")
    assert shapewright("evaluate", "prior", "--model", model_folder, *common).code == 0
    outcome = shapewright("evaluate", "prior", "--model", empty_model_folder, *common)
    assert outcome.code == 0, outcome
    figures = json.loads(Path("report/results.json").read_text())
    assert figures["samples"]["empty"] == 1
    assert figures["judges"]["in-domain judge"]["r_precision"] == 0
    assert "described" not in figures


def test_one_report_of_both(
    shapewright: Shapewright, empty_model_folder: Path, prisms: Path, judge: Path, here: Path
) -> None:
    Path("prompts.txt").write_text(PROMPTS)
    command = ("evaluate", "all", "--model", empty_model_folder, "--data", prisms, "--judge", judge)
    sizes = ("--assets", "1", "--views", "1", "--splits", "val", "--seeds", "1", "--described", "0")
    outcome = shapewright(*command, *sizes, "--prompts", "prompts.txt", "--out", "report")
    assert outcome.code == 0, outcome
    figures = json.loads(Path("report/results.json").read_text())
    assert set(figures) == {"encoder", "prior"}
    assert "Nearest training assets" in Path("report/report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prior", "--prompts", "none.txt"), "'none.txt' cannot be read as one"),
        (("prior", "--prompts", "one.txt"), "holds 1 prompts; R-Precision needs at least 2"),
        (("prior", "--prompts", "one.txt", "--judge", "none.safetensors"), "holds 1 prompts"),
        (("prior", "--judge", "none.safetensors"), "There is no judge at 'none.safetensors'"),
        (("prior", "--seeds", "0"), "needs prompts, at least 1 seed"),
        (("all", "--model", "a", "b"), "of one model, got a, b"),
    ],
)
def test_mistakes(
    shapewright: Shapewright,
    model_folder: Path,
    prisms: Path,
    here: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    Path("one.txt").write_text("a chair\na chair\n")
    model = () if "--model" in arguments else ("--model", str(model_folder))
    outcome = shapewright("evaluate", *arguments, *model, "--data", prisms, "--out", "report")
    assert outcome.code == 2
    assert said in outcome.err


def test_a_judge_is_trained(
    shapewright: Shapewright, prisms: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = shapewright("evaluate", "judge", "--data", prisms, "--out", "judge.safetensors", "--steps", "3")
    assert outcome.code == 0, outcome
    assert "Real val assets nearest to their own captions: " in outcome.out
    assert 0 <= judges.load_judge(here / "judge.safetensors").figures["train"]["captions"] <= 1
    wrong = shapewright("evaluate", "judge", "--data", prisms, "--out", "judge.pt")
    assert wrong.code == 2
    assert ".safetensors" in wrong.err
