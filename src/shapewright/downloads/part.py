"""What has come of a file so far, and what the server said of the whole."""

import json
from email.message import Message
from pathlib import Path
from typing import Any

__all__ = ["Part"]

USER_AGENT = "shapewright"


class Part:
    """`path`.part and `path`.part.json, as they are on the disk; `path` itself is the finished file."""

    def __init__(self, path: Path) -> None:
        self.final = path
        self.path = path.with_name(f"{path.name}.part")
        self.was_reached = False
        self._facts_path = path.with_name(f"{path.name}.part.json")
        self._facts: dict[str, Any] = self._read_facts()

    @property
    def name(self) -> str:
        return self.final.name

    @property
    def size(self) -> int:
        """Bytes that have come."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def total(self) -> int | None:
        """Bytes of the whole file; None if the server has not told."""
        return self._facts.get("total")

    @property
    def is_complete(self) -> bool:
        return self.total is not None and self.size == self.total

    def resuming(self, url: str) -> dict[str, str]:
        """Headers of a request for what is missing: of everything, where nothing usable has come.

        If-Range makes the server send the whole file if it is no longer the one that was begun.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if not self.size or self._facts.get("url") != url or self.size > (self.total or 0):
            self.discard()
            return headers
        headers["Range"] = f"bytes={self.size}-"
        if validator := self._facts.get("validator"):
            headers["If-Range"] = validator
        return headers

    def begin(self, url: str, headers: Message) -> None:
        """Start over with the whole file that the server is about to send."""
        self.discard()
        etag = headers.get("ETag", "")
        length = headers.get("Content-Length", "")
        self._facts = {
            "url": url,
            "total": int(length) if length.isdigit() else None,
            # a weak tag does not promise the same bytes
            "validator": etag if etag and not etag.startswith("W/") else headers.get("Last-Modified"),
        }
        self._facts_path.write_text(json.dumps(self._facts), encoding="utf-8")

    def fits(self, headers: Message) -> bool:
        """Whether a partial answer is exactly what is missing."""
        return headers.get("Content-Range") == f"bytes {self.size}-{(self.total or 0) - 1}/{self.total}"

    def discard(self) -> None:
        """Forget what has come."""
        self.path.unlink(missing_ok=True)
        self._facts_path.unlink(missing_ok=True)
        self._facts = {}

    def finish(self) -> None:
        """Give the complete file its name."""
        self.path.replace(self.final)
        self._facts_path.unlink(missing_ok=True)

    def _read_facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self._facts_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none, or half-written by a process that was killed: start over
            return {}
        return facts if isinstance(facts, dict) else {}
