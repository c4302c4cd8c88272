"""Help, exit codes, and how mistakes are told."""

import subprocess
import sys

import pytest

from command_line import Shapewright
from shapewright.apps.cli.doctor import Doctor

COMMANDS = [
    [],
    ["generate"],
    ["encode"],
    ["render"],
    ["export"],
    ["interpolate"],
    ["data"],
    ["data", "fetch"],
    ["data", "build"],
    ["train"],
    ["train", "encoder"],
    ["train", "prior"],
    ["evaluate"],
    ["evaluate", "quick"],
    ["evaluate", "sheet"],
    ["models"],
    ["models", "list"],
    ["models", "info"],
    ["parity"],
    ["doctor"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(shapewright: Shapewright, command: list[str]) -> None:
    outcome = shapewright(*command, "--help")
    assert outcome.code == 0
    assert " ".join(["usage: shapewright", *command]) in outcome.out
    assert outcome.err == ""


def test_help_does_not_wait_for_heavy_libraries() -> None:
    heavy = ("torch", "numpy", "transformers", "trimesh", "scipy", "PIL", "rich.progress")
    program = (
        "import sys; from shapewright.apps.cli.main import main; main(['--help']);"
        f"sys.exit(str([name for name in {heavy} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [[], ["generat"], ["generate", "--sed", "3"], ["models", "info"], ["generate", "x", "--n", "two"]],
)
def test_usage_errors_exit_with_two(shapewright: Shapewright, arguments: list[str]) -> None:
    outcome = shapewright(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


def test_an_interruption_ends_with_130_and_a_sentence(
    shapewright: Shapewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Doctor, "run", interrupted)
    outcome = shapewright("doctor")
    assert outcome.code == 130
    assert outcome.err == "shapewright: Stopped; nothing half-written was left.\n"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shapewright", "models", "list"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("homeware")
