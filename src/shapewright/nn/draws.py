"""Random numbers of a batch that is shared out: each share draws what it would get of the whole's.

A step's random numbers follow from (seed, step) and an example's place in the global batch, whoever it is
computed by. A share finds its own by drawing the whole batch's numbers and cutting: numbers are cheap
beside what is done with them. With an ordinary generator these are torch.rand, torch.randn, torch.randint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["WHOLE", "Share", "ShareGenerator", "integers", "normal", "uniform"]


@dataclass(frozen=True)
class Share:
    """Share number `index` of a batch cut into `count` equal ones, in order."""

    index: int
    count: int

    def __post_init__(self) -> None:
        assert 0 <= self.index < self.count, "a share is one of those there are"

    def of(self, items: int) -> range:
        """Which of so many items are in it."""
        assert items % self.count == 0, f"{items} items cannot be cut into {self.count} equal shares"
        each = items // self.count
        return range(self.index * each, (self.index + 1) * each)


WHOLE = Share(0, 1)


class ShareGenerator(torch.Generator):
    """The generator that a share's losses are given.

    As a generator its stream is this share's own, so that whoever draws with torch's functions gets
    numbers that no other share gets. `whole` has the stream that all shares have in common, for the
    functions below. The share that is the whole batch has one stream only.
    """

    share: Share
    whole: torch.Generator

    def __new__(cls, seed: int, share: Share, device: torch.device) -> "ShareGenerator":
        return super().__new__(cls, device)  # pyright: ignore[reportCallIssue]  # torch's stubs know __init__ only

    def __init__(self, seed: int, share: Share, device: torch.device) -> None:
        self.share = share
        self.whole = self if share.count == 1 else torch.Generator(device).manual_seed(seed)
        self.manual_seed(seed if share.count == 1 else seed_of_share(seed, share.index))


def seed_of_share(seed: int, index: int) -> int:
    # well mixed: a CPU generator looks at the last 32 bits only, and the seeds of steps follow one another
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0])


def uniform(
    shape: Sequence[int], generator: torch.Generator | None, device: torch.device | None = None
) -> Tensor:
    """`torch.rand` whose first dimension is the share's examples, or a fixed number of rows for each."""
    return cut_from_whole(shape, generator, lambda s, g: torch.rand(s, generator=g, device=device))


def normal(
    shape: Sequence[int], generator: torch.Generator | None, device: torch.device | None = None
) -> Tensor:
    """`torch.randn`, else like `uniform`."""
    return cut_from_whole(shape, generator, lambda s, g: torch.randn(s, generator=g, device=device))


def integers(
    below: int, shape: Sequence[int], generator: torch.Generator | None, device: torch.device | None = None
) -> Tensor:
    """`torch.randint` from 0, else like `uniform`."""
    return cut_from_whole(shape, generator, lambda s, g: torch.randint(below, s, generator=g, device=device))


def cut_from_whole(
    shape: Sequence[int],
    generator: torch.Generator | None,
    draw: Callable[[tuple[int, ...], torch.Generator | None], Tensor],
) -> Tensor:
    """What `draw` gives for the whole batch, and of that the generator's share."""
    if not isinstance(generator, ShareGenerator) or generator.share.count == 1:
        return draw(tuple(shape), generator)
    rows, *rest = shape
    share = generator.share
    whole = draw((rows * share.count, *rest), generator.whole)
    return whole[rows * share.index : rows * (share.index + 1)]
