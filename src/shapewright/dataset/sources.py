"""Where assets come from, by name."""

from __future__ import annotations

from pathlib import Path

from shapewright.cache import cache_folder
from shapewright.dataset.assets import Asset
from shapewright.dataset.folder import read_folder
from shapewright.dataset.sweethome3d import fetch_sweethome3d, read_sweethome3d
from shapewright.errors import DatasetError

__all__ = ["SOURCES", "read_source"]

SOURCES = ("sweethome3d", "folder")


def read_source(source: str, path: Path | None = None, *, cache: Path | None = None) -> list[Asset]:
    """The assets of `source`: "sweethome3d" (fetched if no path to .sh3f files is given) or "folder".

    Raises: DatasetError if the source is unknown, or what it needs is missing.
    """
    cache = cache or cache_folder()
    if source == "sweethome3d":
        library = path or fetch_sweethome3d(cache / "sweethome3d")
        return read_sweethome3d(library, cache / "unpacked")
    if source == "folder":
        if path is None:
            raise DatasetError("the source 'folder' needs the path of a folder with mesh files.")
        return read_folder(path)
    raise DatasetError(f"unknown source '{source}'; expected one of {', '.join(SOURCES)}.")
