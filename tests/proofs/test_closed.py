"""trimesh, manifold3d and a slicer agree that files for printing are closed, and on how much is in them."""

import re
from pathlib import Path

import manifold3d
import numpy as np
import pytest
import trimesh

from proofs.installed import run_slicer
from proofs.objects import FEW, Objects

pytestmark = pytest.mark.proofs

SUFFIXES = ["stl", "3mf"]


@pytest.fixture(params=FEW, ids=[prompt for prompt, _ in FEW])
def printable(request: pytest.FixtureRequest, objects: Objects, tmp_path: Path) -> dict[str, Path]:
    """The same object, watertight, in every format for printing."""
    paths = {suffix: tmp_path / f"model.{suffix}" for suffix in SUFFIXES}
    for path in paths.values():
        objects.draw(*request.param).export(path, watertight=True)
    return paths


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_trimesh_manifold_and_the_slicer_agree(suffix: str, printable: dict[str, Path]) -> None:
    mesh = trimesh.load_mesh(printable[suffix])
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0  # outward
    solid = manifold_of(mesh)
    assert solid.status() == manifold3d.Error.NoError
    assert not solid.is_empty()
    assert solid.volume() == pytest.approx(mesh.volume, rel=1e-3)
    facts = told_by_slicer(printable[suffix])
    assert facts["manifold"] == "yes"
    assert "open_edges" not in facts
    assert float(facts["volume"]) == pytest.approx(mesh.volume * millimetres(suffix) ** 3, rel=1e-3)


def test_the_formats_hold_the_same_solid(printable: dict[str, Path]) -> None:
    meshes = [trimesh.load_mesh(path) for path in printable.values()]
    assert meshes[0].volume == pytest.approx(meshes[1].volume, rel=1e-4)
    np.testing.assert_allclose(meshes[0].bounds, meshes[1].bounds, atol=1e-4)


def test_they_agree_that_a_hole_is_a_hole(objects: Objects, tmp_path: Path) -> None:
    mesh = objects.draw("a wooden chair").mesh(64)
    mesh.update_faces(np.arange(len(mesh.faces)) > 0)
    mesh.export(tmp_path / "open.stl")
    assert not trimesh.load_mesh(tmp_path / "open.stl").is_watertight
    assert manifold_of(mesh).status() != manifold3d.Error.NoError
    assert told_by_slicer(tmp_path / "open.stl")["manifold"] == "no"


def manifold_of(mesh: trimesh.Trimesh) -> manifold3d.Manifold:
    arrays = manifold3d.Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    arrays.merge()
    return manifold3d.Manifold(arrays)


def told_by_slicer(path: Path) -> dict[str, str]:
    """What `prusa-slicer --info` lists: sizes, volume, manifold or not, and what it had to repair."""
    return dict(re.findall(r"^(\w+)\s*=\s*(\S+)", run_slicer("--info", str(path)), flags=re.MULTILINE))


def millimetres(suffix: str) -> float:
    """What a slicer takes our unit for: 3MF says that it is a metre, STL has no units."""
    return 1000.0 if suffix == "3mf" else 1.0
