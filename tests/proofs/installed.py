"""Other people's programs: where `make proofs` puts them, and how a test runs them."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

__all__ = ["run_chromium", "run_node", "run_python", "run_slicer"]

PROGRAMS = Path(__file__).parent / "programs"
INSTALLED = Path(__file__).parents[2] / ".proofs"
PYTHON = INSTALLED / "venv" / "bin" / "python"
NODE_MODULES = INSTALLED / "node_modules"
DEBIAN = {"node": "nodejs npm", "chromium": "chromium", "prusa-slicer": "prusa-slicer"}
SECONDS = 900.0  # software rendering on a busy machine


def run_node(script: str, package: str, *arguments: str) -> Any:
    """The JSON that one of our scripts printed, which uses `package`."""
    needs(NODE_MODULES / package, package)
    node = needs(shutil.which("node"), "node")
    return json.loads(run([node, str(PROGRAMS / script), *arguments]))


def run_chromium(script: str, package: str, request: dict[str, Any]) -> Any:
    """As `run_node`, for a script that drives a browser."""
    return run_node(script, package, needs(shutil.which("chromium"), "chromium"), json.dumps(request))


def run_python(script: str, package: str, *arguments: str) -> str:
    """What one of our scripts printed, which runs in the programs' own Python with `package`."""
    site = INSTALLED / "venv" / "lib"
    needs(next(iter(site.glob(f"python*/site-packages/{package}")), None), package)
    return run([str(PYTHON), str(PROGRAMS / script), *arguments])


def run_slicer(*arguments: str) -> str:
    """What PrusaSlicer printed."""
    return run([needs(shutil.which("prusa-slicer"), "prusa-slicer"), *arguments])


def needs(place: Path | str | None, name: str) -> str:
    if place is None or not Path(place).exists():
        how = f"`apt-get install {DEBIAN[name]}`" if name in DEBIAN else "`make proofs`"
        pytest.skip(f"{name} is not installed; {how} installs it")
    return str(place)


def run(command: Sequence[str]) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["NODE_PATH"] = str(NODE_MODULES)
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, f"{command[:2]}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
