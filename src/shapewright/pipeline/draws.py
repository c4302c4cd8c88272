"""Which samples are asked for, and which of them are drawn together."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Draw", "Progress", "batches_of", "shifted"]

Progress = Callable[[int, int], None]
"""Called as work gets done: steps done of how many."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One sample asked for: row of the subject, its length in tokens, and the seed."""

    row: int
    tokens: int
    seed: int


def batches_of(draws: list[Draw], size: int) -> list[list[Draw]]:
    """Draws whose prompts have equally many tokens, at most `size` at once."""
    by_length: dict[int, list[Draw]] = {}
    for draw in draws:
        by_length.setdefault(draw.tokens, []).append(draw)
    return [group[i : i + size] for group in by_length.values() for i in range(0, len(group), size)]


def shifted(progress: Progress | None, batch: int, batches: int) -> Progress | None:
    """Steps of one batch as steps of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(batch * total + done, batches * total)
