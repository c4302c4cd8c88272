"""Where the cache is."""

from pathlib import Path

import pytest

from shapewright.cache import cache_folder


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHAPEWRIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SHAPEWRIGHT_HOME")
    assert cache_folder() == Path("/elsewhere/shapewright")


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("linux", ".cache/shapewright"),
        ("darwin", "Library/Caches/shapewright"),
        ("win32", "Local/shapewright"),
    ],
)
def test_or_where_the_system_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, place: str
) -> None:
    for name in ("SHAPEWRIGHT_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder() == tmp_path / place
