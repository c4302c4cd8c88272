"""A file is there whole or not at all."""

from pathlib import Path

import pytest

from shapewright.atomic_file import check_writable, new_folder, replacing
from shapewright.errors import OutputError


def test_a_file_appears_under_its_own_name_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    with replacing(path) as temporary:
        temporary.write_text("done")
        assert temporary.suffix == ".txt"
        assert not path.exists()
    assert path.read_text() == "done"
    assert [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_the_file_can_be_read_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "ours") as temporary:
        temporary.write_text("done")
        temporary.chmod(0o600)  # as safetensors does
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"), replacing(tmp_path / "file" / "x.glb"):
        pass


def test_checking_makes_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "not" / "yet" / "there.glb")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [("file/x.glb", "is a file, not a folder"), ("folder", "it is a folder"), ("/proc/x.glb", "in '/proc'")],
)
def test_what_is_in_the_way_is_named(tmp_path: Path, place: str, reason: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=reason):
        check_writable(tmp_path / place)


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    with new_folder(path) as temporary:
        (temporary / "file").write_text("done")
        assert not path.exists()
    assert (path / "file").read_text() == "done"
    assert [p.name for p in path.parent.iterdir()] == ["b"]


def test_an_empty_folder_is_filled_and_a_full_one_kept(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as temporary:
        (temporary / "file").touch()
    assert (tmp_path / "empty" / "file").exists()
    for name in ("empty", "empty/file"):
        with pytest.raises(OutputError, match="there is something already"), new_folder(tmp_path / name):
            pass
    assert [p.name for p in tmp_path.rglob("*")] == ["empty", "file"]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    def write_half() -> None:
        with new_folder(tmp_path / "b") as temporary:
            (temporary / "half").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write the folder"), new_folder(tmp_path / "file" / "b"):
        pass
