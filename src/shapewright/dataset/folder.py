"""Any folder of mesh files as a source, with an optional captions.csv (columns file, caption)."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

from shapewright.dataset.assets import Asset, asset_id
from shapewright.errors import DatasetError
from shapewright.geometry.mesh_files import READERS

__all__ = ["CAPTIONS_FILE", "read_folder"]

CAPTIONS_FILE = "captions.csv"


def read_folder(folder: Path) -> list[Asset]:
    """Every mesh file under `folder`, also in folders within it; hidden ones are passed over.

    A file may have several captions: one row each. Without captions its name is taken from its file.
    Raises: DatasetError if there is no mesh file, or captions.csv is damaged or names a missing file.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected one with mesh files ({', '.join(READERS)}).")
    files = [path for path in sorted(folder.rglob("*")) if _is_mesh(path, folder)]
    if not files:
        raise DatasetError(f"{folder} holds no mesh files; expected some of {', '.join(READERS)}.")
    captions = _read_captions(folder, files)
    assets: dict[str, Asset] = {}
    for file in files:
        asset = _asset(folder, file, tuple(captions.get(file, ())))
        if asset.id in assets:
            raise DatasetError(f"{file} and {assets[asset.id].path} have names too alike; rename one.")
        assets[asset.id] = asset
    return [assets[key] for key in sorted(assets)]


def _is_mesh(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in READERS and path.is_file()


def _asset(folder: Path, file: Path, captions: tuple[str, ...]) -> Asset:
    relative = file.relative_to(folder)
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", file.stem)
    return Asset(
        id=asset_id(*relative.parts),
        path=file,
        name=re.sub(r"[_\-.\s]+", " ", words).strip() or file.stem,
        category=relative.parent.name,
        captions=captions,
        source=f"folder/{folder.resolve().name}",
    )


def _read_captions(folder: Path, files: list[Path]) -> dict[Path, list[str]]:
    path = folder / CAPTIONS_FILE
    if not path.is_file():
        return {}
    captions: dict[Path, list[str]] = defaultdict(list)
    known = set(files)
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened)
            if not {"file", "caption"} <= set(reader.fieldnames or ()):
                raise DatasetError(f"{path} needs a first row naming the columns 'file' and 'caption'.")
            for row in reader:
                file = folder / (row["file"] or "").strip()
                if file not in known:
                    raise DatasetError(f"{path}, line {reader.line_num}: no mesh file '{row['file']}'.")
                if (row["caption"] or "").strip():
                    captions[file].append(row["caption"].strip())
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read ({error}); expected CSV in UTF-8.") from None
    return captions
