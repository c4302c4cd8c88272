"""The Sweet Home 3D furniture: .sh3f files (a zip of OBJ models and a catalogue), from Debian or the user."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from shapewright.dataset.assets import Asset, Translation, asset_id
from shapewright.dataset.model_licenses import author_in_folder, short_license
from shapewright.dataset.properties_file import numbered_entries, read_properties
from shapewright.errors import DatasetError

__all__ = ["DEBIAN_PACKAGE", "fetch_sweethome3d", "read_sweethome3d"]

DEBIAN_PACKAGE = "sweethome3d-furniture"
_CATALOGUE = "PluginFurnitureCatalog"


def fetch_sweethome3d(out_dir: Path) -> Path:
    """Get Debian's package of furniture with apt and put its .sh3f files in `out_dir`; returns `out_dir`.

    Nothing is installed and no root is needed. Files already there are kept.
    Raises: DatasetError if apt or dpkg-deb is absent or the download fails.
    """
    if list(out_dir.glob("*.sh3f")):
        return out_dir
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise DatasetError(
                f"{tool} was not found: fetching needs a Debian or Ubuntu system; elsewhere, download .sh3f "
                "files from sweethome3d.com and pass their folder as the source."
            )
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir) as scratch:
        _run(["apt-get", "download", DEBIAN_PACKAGE], Path(scratch))
        packages = list(Path(scratch).glob("*.deb"))
        if not packages:
            raise DatasetError(
                f"apt-get download {DEBIAN_PACKAGE} left no package; try 'sudo apt-get update'."
            )
        _run(["dpkg-deb", "-x", packages[0].name, "unpacked"], Path(scratch))
        for archive in sorted(Path(scratch).rglob("*.sh3f")):
            archive.replace(out_dir / archive.name)
    return out_dir


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DatasetError(f"{' '.join(command)} failed: {reason} Try 'sudo apt-get update' first.")


def read_sweethome3d(source: Path, cache_dir: Path) -> list[Asset]:
    """All assets of one .sh3f file or of every .sh3f file in a folder, sorted by id.

    The archives are unpacked once under `cache_dir`.
    Raises: DatasetError if there is no readable .sh3f file.
    """
    archives = [source] if source.is_file() else sorted(source.glob("*.sh3f"))
    if not archives:
        raise DatasetError(f"{source} holds no .sh3f file; run 'shapewright data fetch sweethome3d' first.")
    assets: dict[str, Asset] = {}
    for archive in archives:
        for asset in _read_catalogue(_unpack(archive, cache_dir), archive.stem):
            assets.setdefault(asset.id, asset)
    return [assets[key] for key in sorted(assets)]


def _unpack(archive: Path, cache_dir: Path) -> Path:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()[:12]
    folder = cache_dir / f"{archive.stem}-{digest}"
    if folder.is_dir():
        return folder
    cache_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=cache_dir))
    try:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(scratch)
        if not folder.is_dir():
            scratch.replace(folder)  # whole or not at all, also after a kill
    except (zipfile.BadZipFile, OSError) as error:
        if not folder.is_dir():  # another process may have been faster
            raise DatasetError(f"{archive} cannot be unpacked ({error}); expected a .sh3f archive.") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _read_catalogue(folder: Path, library: str) -> list[Asset]:
    main = folder / f"{_CATALOGUE}.properties"
    if not main.is_file():
        raise DatasetError(f"{folder} has no {main.name}; expected a Sweet Home 3D furniture library.")
    header = read_properties(main)
    entries = numbered_entries(header)
    languages = {
        path.stem.removeprefix(f"{_CATALOGUE}_"): numbered_entries(read_properties(path))
        for path in sorted(folder.glob(f"{_CATALOGUE}_*.properties"))
    }
    assets: list[Asset] = []
    for key, entry in entries.items():
        if "model" in entry:
            translations = {code: table.get(key, {}) for code, table in languages.items()}
            assets.append(_asset(folder, library, header, entry, translations))
    return assets


def _asset(
    folder: Path,
    library: str,
    header: dict[str, str],
    entry: dict[str, str],
    translations: dict[str, dict[str, str]],
) -> Asset:
    path = folder / entry["model"].lstrip("/")
    name = entry.get("name", path.stem)
    creator = entry.get("creator", "")
    author = author_in_folder(path.parent) if path.parent.is_dir() else None
    if author and author.lower() not in creator.lower():
        creator = author if creator in ("", "Blend Swap") else f"{creator}, {author}"
    return Asset(
        id=asset_id(entry.get("id", f"{library}-{path.stem}")),
        path=path,
        name=name,
        category=entry.get("category", ""),
        tags=_tags(entry),
        license=short_license(header.get("license", "")),
        creator=creator or header.get("provider", ""),
        source=f"sweethome3d/{library}",
        rotation=_rotation(entry),
        dimensions_m=_dimensions(entry),
        translations={
            code: Translation(
                name=table.get("name", ""), category=table.get("category", ""), tags=_tags(table)
            )
            for code, table in translations.items()
            if table.get("name")
        },
    )


def _tags(entry: dict[str, str]) -> tuple[str, ...]:
    tags = (tag.strip() for tag in entry.get("tags", "").split(","))
    return tuple(tag for tag in tags if tag and tag not in ("Blend Swap", "SCPTS"))


def _rotation(entry: dict[str, str]) -> tuple[float, ...] | None:
    numbers = re.split(r"\s+", entry.get("modelRotation", "").strip())
    try:
        return tuple(float(number) for number in numbers) if len(numbers) == 9 else None
    except ValueError:
        return None


def _dimensions(entry: dict[str, str]) -> tuple[float, float, float] | None:
    try:
        width, depth, height = (float(entry[key]) / 100.0 for key in ("width", "depth", "height"))
    except (KeyError, ValueError):
        return None
    return width, depth, height
