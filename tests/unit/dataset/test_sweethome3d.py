import os

import pytest

from shapewright.dataset.record import load_asset
from shapewright.dataset.sweethome3d import fetch_sweethome3d, read_sweethome3d
from shapewright.errors import DatasetError


def test_catalogue_entries_become_assets(library, tmp_path):
    assets = {asset.id: asset for asset in read_sweethome3d(library, tmp_path / "cache")}
    assert sorted(assets) == ["test-broken", "test-lamp", "test-redchair"]
    chair = assets["test-redchair"]
    assert (chair.name, chair.category, chair.tags) == ("Chair 2", "Living room", ("Seat",))
    assert (chair.license, chair.creator, chair.source) == ("CC-BY-3.0", "Jane Doe", "sweethome3d/Test")
    assert chair.dimensions_m == (0.5, 0.605, 1.0)
    assert chair.translations["fr"].name == "Chaise en chêne"
    assert chair.translations["fr"].category == "Séjour"
    assert "fr" not in assets["test-lamp"].translations, "an empty translation is none"
    assert assets["test-lamp"].creator == "Somebody"


def test_model_rotation_is_applied_before_turning_upright(library, tmp_path):
    lamp = {asset.id: asset for asset in read_sweethome3d(library, tmp_path / "cache")}["test-lamp"]
    mesh = load_asset(lamp, max_texture_px=8)  # a cone along +Z of its file, which the catalogue calls up
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    assert high[2] - low[2] == pytest.approx(3.0)
    assert abs(mesh.vertices[mesh.vertices[:, 2].argmax(), :2]).max() < 1e-6, "the tip is on top"


def test_archives_are_unpacked_once_and_a_file_is_a_source_too(library, tmp_path):
    read_sweethome3d(library, tmp_path / "cache")
    before = sorted(path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*"))
    assert len(read_sweethome3d(library / "Test.sh3f", tmp_path / "cache")) == 3
    assert before == sorted(path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*"))


def test_no_archive_and_a_damaged_one(tmp_path):
    with pytest.raises(DatasetError, match="data fetch"):
        read_sweethome3d(tmp_path, tmp_path / "cache")
    (tmp_path / "bad.sh3f").write_bytes(b"no zip")
    with pytest.raises(DatasetError, match=r"bad\.sh3f cannot be unpacked"):
        read_sweethome3d(tmp_path, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_fetch_without_apt_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DatasetError, match="Debian or Ubuntu"):
        fetch_sweethome3d(tmp_path / "out")


def fake_tool(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_fetch_keeps_the_archives_of_the_package(tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    fake_tool(tools, "apt-get", "echo x > $2_1.deb")
    fake_tool(tools, "dpkg-deb", "mkdir -p $3/usr/share; echo zip > $3/usr/share/A.sh3f")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    out = fetch_sweethome3d(tmp_path / "out")
    assert [path.name for path in out.iterdir()] == ["A.sh3f"]
    fake_tool(tools, "apt-get", "exit 1")
    fetch_sweethome3d(tmp_path / "out")  # already there: no second download


def test_a_failing_download_is_told_in_one_sentence(tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    fake_tool(tools, "apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    fake_tool(tools, "dpkg-deb", "exit 0")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(DatasetError, match="Unable to locate package"):
        fetch_sweethome3d(tmp_path / "out")
