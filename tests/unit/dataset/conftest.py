"""A small library of models on disk, in the layouts that the sources read."""

import zipfile
from pathlib import Path

import pytest
import trimesh

MTL = "newmtl paint\nKd {}\n"
CATALOGUE = """\
id=Library
name=Test
license=Creative Commons Attribution 3.0 license
id#1=Test#redChair
name#1=Chair 2
tags#1=Blend Swap, Seat
category#1=Living room
model#1=/models/chair/chair.obj
width#1=50
depth#1=60.5
height#1=100
creator#1=Blend Swap
id#2=Test#lamp
name#2=Desk lamp
category#2=Lights
model#2=/models/lamp/lamp.obj
modelRotation#2=1 0 0 0 0 1 0 -1 0
creator#2=Somebody
id#3=Test#broken
name#3=Broken
category#3=Office
model#3=/models/broken/broken.obj
"""
FRENCH = "name#1=Chaise en ch\\u00eane\ncategory#1=S\xe9jour\nname#2=\n"
LICENSE = (
    'Thank you for downloading "A chair" by Jane Doe\nReleased under\nCreative Commons Attribution 3.0\n'
)


def write_obj(folder: Path, stem: str, mesh: trimesh.Trimesh, color: str = "0.8 0.1 0.1") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.mtl").write_text(MTL.format(color))
    rows = [f"mtllib {stem}.mtl", "usemtl paint"]
    rows += ["v {:.6f} {:.6f} {:.6f}".format(*vertex) for vertex in mesh.vertices.tolist()]
    rows += ["f {} {} {}".format(*face) for face in (mesh.faces + 1).tolist()]
    path = folder / f"{stem}.obj"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder of five good models and three bad ones."""
    folder = tmp_path / "shelf"
    write_obj(folder, "redBall", trimesh.creation.icosphere(subdivisions=2))
    write_obj(folder, "tall_box", trimesh.creation.box((1, 4, 2)), color="0.1 0.2 0.9")
    write_obj(folder / "round", "ring", trimesh.creation.torus(1.0, 0.3))
    write_obj(folder / "round", "can", trimesh.creation.cylinder(0.5, 2.0))
    trimesh.creation.capsule().export(folder / "pill.stl")
    (folder / "garbage.glb").write_bytes(b"garbage")
    (folder / "empty.ply").write_bytes(b"")
    (folder / "nan.obj").write_text("v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder with one .sh3f archive: a chair, a lamp lying on its side, and a broken model."""
    root = tmp_path / "unpacked"
    write_obj(root / "models" / "chair", "chair", trimesh.creation.box((1, 2, 1)))
    (root / "models" / "chair" / "BLENDSWAP_LICENSE.txt").write_text(LICENSE)
    write_obj(root / "models" / "lamp", "lamp", trimesh.creation.cone(0.5, 3.0))
    (root / "models" / "broken").mkdir()
    (root / "models" / "broken" / "broken.obj").write_text("nothing")
    (root / "PluginFurnitureCatalog.properties").write_text(CATALOGUE)
    (root / "PluginFurnitureCatalog_fr.properties").write_bytes(FRENCH.encode("latin-1"))
    folder = tmp_path / "library"
    folder.mkdir()
    with zipfile.ZipFile(folder / "Test.sh3f", "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    return folder
