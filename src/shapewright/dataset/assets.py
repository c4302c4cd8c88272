"""What a source says of an asset before its mesh is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Asset", "Translation", "asset_id"]


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Name, category and tags in another language."""

    name: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One model of a source: where its file is, what it is called, who made it."""

    id: str
    path: Path
    name: str
    category: str = ""
    tags: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()  # written by people, taken as they are
    license: str = ""
    creator: str = ""
    source: str = ""
    rotation: tuple[float, ...] | None = None  # 9 numbers, row-major, applied in the file's own axes
    dimensions_m: tuple[float, float, float] | None = None  # width, depth, height, if the source says
    translations: dict[str, Translation] = field(default_factory=dict)  # by language


def asset_id(*parts: str) -> str:
    """A name safe for shards and file systems: lower case letters, digits and dashes, never a dot."""
    return "-".join(filter(None, (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)))
