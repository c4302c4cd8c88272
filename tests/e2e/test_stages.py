"""The published stages on a data set from files: each goes on from the one before, and learns."""

import json
from pathlib import Path

import numpy as np

from command_line import Shapewright
from e2e.test_tiny_to_glb import write_models
from shapewright.geometry.mesh_files import load


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_from_a_folder_of_models_through_all_stages(shapewright: Shapewright, here: Path) -> None:
    write_models(here / "models")
    train = ("train", "encoder", "--data", "set", "--recipe", "tiny")
    commands = [
        ["data", "build", "models", "--out", "set", "--recipe", "tiny", "--workers", "1"],
        [*train, "--stage", "nerf", "--out", "nerf", "--steps", "100"],
        [*train, "--stage", "distill", "--start", "nerf", "--out", "distill", "--steps", "80"],
        [*train, "--stage", "finetune", "--start", "distill", "--out", "finetune", "--steps", "24"],
        ["encode", "models/box.ply", "--model", "finetune/model", "--output", "box.safetensors"],
        [
            *("export", "box.safetensors", "--model", "finetune/model"),
            *("--output", "box.glb", "--resolution", "32"),
        ],
    ]
    for command in commands:
        outcome = shapewright(*command)
        assert outcome.code == 0, (command, outcome)
    for stage in ("nerf", "distill", "finetune"):
        found = losses(here / stage)
        quarter = len(found) // 4
        assert np.mean(found[-quarter:]) < 0.95 * np.mean(found[:quarter]), stage
    assert len(load(here / "box.glb").faces) > 100
