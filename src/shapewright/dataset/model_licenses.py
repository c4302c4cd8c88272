"""Licences in short form, and the authors named in licence files beside the models."""

from __future__ import annotations

import html
import re
from pathlib import Path

__all__ = ["author_in_folder", "short_license"]


def short_license(text: str) -> str:
    """An SPDX identifier for the licences we know; other texts as they are."""
    lowered = text.lower()
    if "public domain" in lowered or "cc0" in lowered or "cc-0" in lowered:
        return "CC0-1.0"
    if "attribution 3.0" in lowered:
        return "CC-BY-3.0-US" if "united states" in lowered else "CC-BY-3.0"
    return text


def author_in_folder(folder: Path) -> str | None:
    """The author that a Blend Swap licence file in `folder` names, if there is one."""
    for file in sorted(folder.iterdir()):
        if "license" in file.name.lower() and file.suffix.lower() in (".txt", ".html"):
            author = _author(_plain(file))
            if author:
                return author
    return None


def _plain(file: Path) -> str:
    text = file.read_bytes().decode("utf-8", errors="replace")
    if file.suffix.lower() == ".html":
        text = html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<style.*?</style>", "", text)))
    return re.sub(r"[ \t]+", " ", text)


def _author(text: str) -> str | None:
    for pattern in (r'downloading ".*?" by (\S.*?)\s*$', r"Released by:? (\S+?)\.?(?:\s|$)"):
        match = re.search(pattern, text, re.MULTILINE)
        if match:
            return match[1].strip(" ,.")
    return None
