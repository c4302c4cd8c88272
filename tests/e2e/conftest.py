"""The command line, run in this process."""

from pathlib import Path

import pytest

from command_line import Outcome, Shapewright
from shapewright.apps.cli.main import main


@pytest.fixture
def shapewright(capsys: pytest.CaptureFixture[str]) -> Shapewright:
    def run(*arguments: str | Path) -> Outcome:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
