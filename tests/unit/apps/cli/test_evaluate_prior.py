"""`shapewright evaluate prior`, `all` and `judge` on a small data set and a random model."""

import json
from pathlib import Path

import pytest
import torch

# imported before the tests' readers take the place of the real ones, which its annotations name
import shapewright.training.judge  # noqa: F401  # pyright: ignore[reportUnusedImport]
from command_line import Shapewright
from shapewright.evaluation import judge as judges
from shapewright.evaluation.judge import Judge, save_judge
from shapewright.evaluation.shape_classifier import ShapeClassifier, ShapeNetwork, save_classifier
from tiny_clip import save_clip
from tiny_models import FakeText
from unit.evaluation.solids import coarse_surfaces
from unit.evaluation.test_pointnet import made_up

PROMPTS = "a red box\na blue nut\n\na red box\n"


@pytest.fixture(autouse=True)
def _coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse_surfaces(monkeypatch)
    monkeypatch.setattr("shapewright.evaluation.sample_set.CLOUD_POINTS", 64)
    monkeypatch.setattr("shapewright.evaluation.generation.CLOUD_POINTS", 64)
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
    assert figures["described"]["generated"]["clouds"] == 1
    assert 0 <= figures["novelty"]["copies"] <= 1
    assert figures["point_sets"] == {}
    assert [said.split(" left out")[0] for said in figures["left_out"]] == [
        "CLIP R-Precision was", "P-FID and P-IS were", "own-FID and own-IS were"
    ]  # fmt: skip
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


def test_everything_that_can_judge_is_asked(
    shapewright: Shapewright, empty_model_folder: Path, prisms: Path, judge: Path, here: Path
) -> None:
    """A CLIP, PointNet++ and a classifier, each from its file; the clouds are too small for PointNet++."""
    Path("prompts.txt").write_text("a box\na nut\n")
    save_clip(here / "clip")
    torch.save(made_up(), "pointnet.pth")
    network = ShapeNetwork(2).eval()
    save_classifier(
        ShapeClassifier(network=network, classes=("a", "b"), figures={"assets": 4, "accuracy": 0.75}),
        here / "own.safetensors",
    )
    command = ("evaluate", "prior", "--model", empty_model_folder, "--data", prisms, "--judge", judge)
    command = (*command, "--prompts", "prompts.txt", "--seeds", "1", "--described", "0", "--out", "report")
    command = (*command, "--classifier", "own.safetensors")
    outcome = shapewright(*command, "--clip", "clip")
    assert outcome.code == 0, outcome
    figures = json.loads(Path("report/results.json").read_text())
    assert figures["judges"]["CLIP clip"]["r_precision"] == 0  # of nothing
    assert set(figures["point_sets"]["own"]) == {"held-out assets"}, "no sample has points"
    assert figures["point_sets"]["own"]["held-out assets"]["inception"] >= 1
    assert figures["left_out"][-1].endswith("accuracy on 4 held-out assets of these kinds is 75%.")
    assert "own-FID" in Path("report/tables.md").read_text()

    too_few = shapewright(*command, "--pointnet", "pointnet.pth")
    assert too_few.code == 2
    assert "P-FID needs clouds of at least 512 points; the data set's have 64" in too_few.err
    wrong = shapewright(*command, "--pointnet", "prompts.txt")
    assert wrong.code == 2
    assert "cannot be read as PointNet++'s weights" in wrong.err


def test_without_a_judge(
    shapewright: Shapewright,
    empty_model_folder: Path,
    prisms: Path,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where none ships and none is given, the rest is measured, and the report says so."""
    monkeypatch.setattr(judges, "JUDGE_FILE", here / "none.safetensors")
    Path("prompts.txt").write_text("a box\na nut\n")
    command = ("evaluate", "prior", "--model", empty_model_folder, "--data", prisms, "--out", "report")
    outcome = shapewright(*command, "--prompts", "prompts.txt", "--seeds", "1", "--described", "0")
    assert outcome.code == 0, outcome
    figures = json.loads(Path("report/results.json").read_text())
    assert figures["judges"] == {}
    assert figures["left_out"][0].startswith("The in-domain judge was left out")
    assert "The in-domain judge was left out" in Path("report/report.html").read_text()


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
