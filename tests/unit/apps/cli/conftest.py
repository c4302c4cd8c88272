"""The command line, run in this process on a tiny random model."""

from pathlib import Path

import pytest

from command_line import Outcome, Shapewright
from shapewright.apps.cli.main import main
from tiny_dataset import build_prisms
from tiny_models import FakeText, random_model, saved


@pytest.fixture
def shapewright(capsys: pytest.CaptureFixture[str]) -> Shapewright:
    def run(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    saved(random_model(), folder)
    return folder


@pytest.fixture(scope="session")
def empty_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose objects have no surface."""
    folder = tmp_path_factory.mktemp("empty")
    saved(random_model("empty", empty=True), folder)
    return folder


@pytest.fixture(scope="session")
def prisms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set, on disk."""
    return build_prisms(tmp_path_factory.mktemp("prisms"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _fake_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real text encoder takes a second to load; tests/e2e use it."""
    monkeypatch.setattr("shapewright.conditioning.minilm.MiniLM", FakeText)
