"""usdchecker's two engines, with the rules of ARKit, have nothing to say against our USDZ files."""

import json
import zipfile
from pathlib import Path

import pytest

from proofs.installed import run_python
from proofs.objects import FEW, Objects
from shapewright.pipeline import MeshOptions

pytestmark = pytest.mark.proofs

OPTIONS = [MeshOptions(), MeshOptions(texture_px=None), MeshOptions(height_m=0.9, faces=2000)]


def complaints(path: Path) -> list[str]:
    (report,) = json.loads(run_python("check_usd.py", "pxr", str(path)))
    return report["messages"]


@pytest.mark.parametrize("thing", FEW, ids=[prompt for prompt, _ in FEW])
@pytest.mark.parametrize("options", OPTIONS, ids=["textured", "vertex-colors", "scaled"])
def test_usdz_files_comply(
    thing: tuple[str, int], options: MeshOptions, objects: Objects, tmp_path: Path
) -> None:
    objects.draw(*thing).export(tmp_path / "model.usdz", options)
    assert complaints(tmp_path / "model.usdz") == []


def test_usdchecker_complains_of_a_compressed_package(objects: Objects, tmp_path: Path) -> None:
    objects.draw("a wooden chair").export(tmp_path / "model.usdz")
    bad = tmp_path / "bad.usdz"
    with (
        zipfile.ZipFile(tmp_path / "model.usdz") as good,
        zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as to,
    ):
        for name in good.namelist():
            to.writestr(name, good.read(name))
    assert any("ompress" in message for message in complaints(bad))
