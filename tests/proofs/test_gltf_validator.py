"""Khronos' glTF validator has nothing to say against our GLB files."""

from pathlib import Path

import pytest

from proofs.installed import run_node
from proofs.objects import FIFTY, Objects
from shapewright.pipeline.mesh_options import TEXTURE_PX

pytestmark = pytest.mark.proofs


def complaints(files: list[Path]) -> dict[str, list[str]]:
    """Errors and warnings by file; none for files without."""
    reports = run_node("validate_gltf.cjs", "gltf-validator", *map(str, files))
    assert len(reports) == len(files)
    return {Path(report["file"]).name: report["messages"] for report in reports if report["messages"]}


@pytest.mark.parametrize("texture_px", [TEXTURE_PX, None], ids=["textured", "vertex-colors"])
def test_fifty_objects_are_valid(texture_px: int | None, objects: Objects, tmp_path: Path) -> None:
    files = [tmp_path / f"{prompt}_{seed}.glb" for prompt, seed in FIFTY]
    assert len(set(files)) == 50
    for path, (prompt, seed) in zip(files, FIFTY, strict=True):
        objects.draw(prompt, seed).export(path, texture_px=texture_px)
    assert complaints(files) == {}


def test_a_small_and_scaled_file_is_valid(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "chair.glb"
    objects.draw("a wooden chair").export(path, resolution=64, texture_px=64, faces=500, height_m=0.9)
    assert complaints([path]) == {}


def test_the_validator_complains_of_a_damaged_file(objects: Objects, tmp_path: Path) -> None:
    path = tmp_path / "chair.glb"
    objects.draw("a wooden chair").export(path, texture_px=None)
    path.write_bytes(path.read_bytes()[:-4] + b"\xff\xff\xff\x7f")  # the last index names no vertex
    assert "ACCESSOR_INDEX_OOB" in str(complaints([path]))
