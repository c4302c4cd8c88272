"""Which samples are asked for, and which of them are drawn together."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Draw", "Progress", "batches_of", "shifted"]

Progress = Callable[[int, int], None]
"""Called as work gets done: steps done of how many."""


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One sample asked for: row of the subject, its length in tokens, its guidance, and the seed."""

    row: int
    tokens: int
    guidance: float
    seed: int

    @property
    def company(self) -> tuple[int, float | None]:
        """What those drawn in one batch have in common; guidance 0 and 1 need fewer evaluations."""
        return self.tokens, self.guidance if self.guidance in (0, 1) else None


def batches_of(draws: list[Draw], size: int) -> list[list[Draw]]:
    """Draws of equal company, at most `size` at once."""
    groups: dict[tuple[int, float | None], list[Draw]] = {}
    for draw in draws:
        groups.setdefault(draw.company, []).append(draw)
    return [group[i : i + size] for group in groups.values() for i in range(0, len(group), size)]


def shifted(progress: Progress | None, batch: int, batches: int) -> Progress | None:
    """Steps of one batch as steps of all of them."""
    if progress is None:
        return None
    return lambda done, total: progress(batch * total + done, batches * total)
