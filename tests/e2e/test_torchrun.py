"""The command under a launcher: two processes, one run folder, the loss curve of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import shapewright
from command_line import Shapewright
from e2e.test_tiny_to_glb import write_models
from shapewright.pipeline import load_model

SOURCE = Path(shapewright.__file__).parents[1]


def torchrun(here: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "shapewright"]
    return subprocess.run(
        [sys.executable, *launcher, *arguments],
        cwd=here,
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "OMP_NUM_THREADS": "1",
            "ACCELERATE_USE_CPU": "true",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def curve(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_train_encoder_and_prior(shapewright: Shapewright, here: Path) -> None:
    write_models(here / "models")
    data = ["--data", "set", "--recipe", "tiny", "--steps", "6", "--set", "loop.precision=fp32"]
    encoder, prior = ["train", "encoder", *data], ["train", "prior", "--encoder", "encoder", *data]
    built = shapewright("data", "build", "models", "--out", "set", "--recipe", "tiny", "--workers", "1")
    assert built.code == 0, built
    assert shapewright(*encoder, "--out", "encoder").code == 0
    assert shapewright(*prior, "--out", "one").code == 0
    for command, out, alone in ((encoder, "encoder-2", "encoder"), (prior, "two", "one")):
        outcome = torchrun(here, *command, "--out", out)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout == f"{out}/model\n", "one of them speaks"
        assert outcome.stderr.count("Ctrl-C stops it") == 1
        # rounding, grown over six steps: see tests/unit/training/test_processes.py
        assert curve(here / out) == pytest.approx(curve(here / alone), rel=1e-4)
    assert load_model(here / "two" / "model").prior is not None
    mistaken = torchrun(here, *prior, "loop.batch_size=5", "--out", "odd")  # after data's --set
    assert mistaken.returncode != 0
    assert "set loop.batch_size to a multiple of 2" in mistaken.stderr
