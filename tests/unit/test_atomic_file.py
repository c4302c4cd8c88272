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


def test_a_folder_appears_whole_also_in_place_of_an_empty_one(tmp_path: Path) -> None:
    for name in ("new", "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with new_folder(tmp_path / name) as temporary:
            (temporary / "inside").touch()
            assert not (tmp_path / name / "inside").exists()
        assert (tmp_path / name / "inside").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"new", "empty"}


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with new_folder(tmp_path / "new") as temporary:
            (temporary / "inside").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_written_over_another(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").touch()
    with pytest.raises(OutputError, match="is not empty: give a new one"), new_folder(tmp_path / "there"):
        pass
    with pytest.raises(OutputError, match="is a file"), new_folder(tmp_path / "there" / "mine"):
        pass
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["mine"]
