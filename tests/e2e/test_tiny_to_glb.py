"""The whole way at a tiny size: models in a folder, data set, encoder, prior, prompt, a GLB that opens."""

import json
import time
from pathlib import Path

import numpy as np

from command_line import Shapewright
from shapewright.geometry.mesh_files import load, save
from solids import prism_mesh

SECONDS = 60.0  # what the whole way may take on two cores
RED, GREEN, BLUE = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.9)


def write_models(folder: Path) -> None:
    """Prisms, each of another shape (those alike would be twins, on one side of the split), with captions."""
    lines = ["file,caption"]
    for name, sides, height, rgb in (
        ("wedge", 3, 0.7, RED),
        ("box", 4, 0.8, RED),
        ("nut", 6, 0.4, BLUE),
        ("drum", 12, 1.0, GREEN),
        ("post", 5, 2.0, GREEN),
        ("plate", 16, 0.2, BLUE),
    ):
        save(prism_mesh(sides, height=height, rgb=rgb), folder / f"{name}.ply")
        color = {RED: "red", GREEN: "green", BLUE: "blue"}[rgb]
        lines.append(f"{name}.ply,a {color} {name}")
    (folder / "captions.csv").write_text("\n".join(lines) + "\n")


def test_from_a_folder_of_models_to_a_generated_file(shapewright: Shapewright, here: Path) -> None:
    started = time.monotonic()
    write_models(here / "models")
    commands = [
        ["data", "build", "models", "--out", "set", "--recipe", "tiny", "--workers", "1"],
        ["train", "encoder", "--data", "set", "--out", "encoder", "--recipe", "tiny", "--steps", "80"],
        [
            *("train", "prior", "--data", "set", "--encoder", "encoder", "--out", "prior"),
            *("--recipe", "tiny", "--steps", "60"),
        ],
        [
            *("generate", "a red box", "--model", "prior/model", "--output", "box.glb"),
            *("--resolution", "48", "--preview", "box.png", "--latent", "box.safetensors"),
        ],
        [
            "export",
            "box.safetensors",
            "--model",
            "prior/model",
            "--output",
            "again.glb",
            "--resolution",
            "48",
        ],
        [
            *("evaluate", "quick", "--data", "set", "--model", "prior/model"),
            *("--assets", "1", "--views", "2", "--seeds", "0", "--output", "figures.json"),
        ],
    ]
    for command in commands:
        outcome = shapewright(*command)
        assert outcome.code == 0, (command, outcome)
    mesh = load(here / "box.glb")
    assert len(mesh.faces) > 100
    assert np.isfinite(mesh.vertices).all()
    assert (here / "box.glb").read_bytes()[:4] == b"glTF"
    assert (here / "again.glb").read_bytes() == (here / "box.glb").read_bytes()
    assert json.loads((here / "figures.json").read_text())["val"]["assets"] == 1
    assert time.monotonic() - started < SECONDS
