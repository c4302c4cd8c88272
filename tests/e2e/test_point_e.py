"""Point-E at a tiny size: models in a folder, data set, three networks, prompt, points."""

import json
from pathlib import Path

import numpy as np

from command_line import Shapewright
from shapewright.geometry.mesh_files import save
from solids import prism_mesh

RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)


def write_models(folder: Path) -> None:
    """Prisms with captions."""
    lines = ["file,caption"]
    for name, sides, height, rgb in (
        ("wedge", 3, 0.7, RED),
        ("box", 4, 0.8, RED),
        ("nut", 6, 0.4, BLUE),
        ("post", 5, 2.0, BLUE),
    ):
        save(prism_mesh(sides, height=height, rgb=rgb), folder / f"{name}.ply")
        lines.append(f"{name}.ply,a {'red' if rgb == RED else 'blue'} {name}")
    (folder / "captions.csv").write_text("\n".join(lines) + "\n")


def fall(run: Path) -> float:
    """The loss at a run's end, in parts of that of its beginning."""
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    return float(np.mean(losses[-8:]) / np.mean(losses[:8]))


def test_from_a_folder_of_models_to_points(shapewright: Shapewright, here: Path) -> None:
    write_models(here / "models")
    train = ("train", "point-e", "--data", "set", "--recipe", "tiny", "--steps", "40", "--part")
    commands = [
        ("data", "build", "models", "--out", "set", "--recipe", "tiny", "--workers", "1"),
        (*train, "base", "--out", "base"),
        (*train, "upsampler", "--model", "base", "--out", "upsampler"),
        (*train, "sdf", "--model", "upsampler", "--out", "sdf"),
        ("generate", "a red box", "--model", "sdf/model", "--output", "box.ply"),
    ]
    for command in commands:
        outcome = shapewright(*command)
        assert outcome.code == 0, (command, outcome)
    # each objective falls on data that was built from files
    assert fall(here / "base") < 0.7
    assert fall(here / "upsampler") < 0.7
    assert fall(here / "sdf") < 0.9
    assert b"element vertex 256" in (here / "box.ply").read_bytes()
