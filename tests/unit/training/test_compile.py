"""Compiled blocks compute what the plain ones do; a C++ compiler makes them, which takes its time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unit.training.compiled_run as compiled_run

TESTS = Path(compiled_run.__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler here")
def test_a_compiled_run_has_the_same_losses(tmp_path: Path) -> None:
    """In a process of its own: the type checks that tests put around functions are nothing to compile."""
    result = subprocess.run(
        [sys.executable, "-m", "unit.training.compiled_run", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])},
        capture_output=True,
        timeout=900,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    told = json.loads(result.stdout)
    assert told["compiled_blocks"] > 0
    # the compiler orders sums otherwise: fp32 rounding, grown over a few steps
    assert told["compiled"] == pytest.approx(told["plain"], rel=1e-4)
    assert told["names"] == told["plain_names"], "checkpoints do not know of it"
