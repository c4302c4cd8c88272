"""Java .properties files: latin-1 text with \\uXXXX escapes and `key#number` entries."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["numbered_entries", "read_properties"]

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_properties(path: Path) -> dict[str, str]:
    """All keys and values; continuation lines joined, escapes resolved, comments dropped."""
    text = path.read_bytes().decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    joined = re.sub(r"(?<!\\)((?:\\\\)*)\\\n[ \t]*", r"\1", text)
    table: dict[str, str] = {}
    for line in joined.split("\n"):
        line = line.lstrip()
        if not line or line[0] in "#!":
            continue
        match = re.match(r"((?:[^\\=:\s]|\\.)+)\s*[=:]?\s*(.*)", line)
        if match:
            table[_unescape(match[1])] = _unescape(match[2]).strip()
    return table


def _unescape(text: str) -> str:
    def replacement(match: re.Match[str]) -> str:
        body = match[1]
        return chr(int(body[1:], 16)) if len(body) == 5 else _ESCAPES.get(body, body)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", replacement, text)


def numbered_entries(properties: dict[str, str]) -> dict[int, dict[str, str]]:
    """`{"name#3": "Bed"}` as `{3: {"name": "Bed"}}`, by number."""
    entries: dict[int, dict[str, str]] = {}
    for key, value in properties.items():
        kind, mark, number = key.partition("#")
        if mark and number.isdigit():
            entries.setdefault(int(number), {})[kind] = value
    return dict(sorted(entries.items()))
