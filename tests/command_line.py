"""What running a command line gave."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Outcome", "Shapewright"]


@dataclass(frozen=True)
class Outcome:
    """Exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def is_one_sentence(self) -> bool:
        """Whether stderr holds one sentence of ours, and nothing went to stdout."""
        lines = self.err.strip().splitlines()
        return len(lines) == 1 and lines[0].startswith("shapewright: ") and lines[0].endswith((".", "?"))


Shapewright = Callable[..., Outcome]
