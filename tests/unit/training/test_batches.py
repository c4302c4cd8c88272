"""Which items a step sees, and making batches ahead of time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import Tensor

from shapewright.nn.draws import Share
from shapewright.training.batches import (
    Prefetcher,
    SharedBatchSource,
    cut,
    draw_indices,
    example_rng,
    shares_of,
)


@pytest.mark.parametrize(("items", "batch"), [(10, 5), (10, 3), (3, 7), (1, 4)])
def test_every_item_comes_once_an_epoch(items: int, batch: int) -> None:
    epochs = 4
    steps = -(-items * epochs // batch)
    drawn = np.concatenate([draw_indices(items, batch, step, seed=0) for step in range(steps)])
    for epoch in range(epochs):
        seen = drawn[epoch * items : (epoch + 1) * items]
        assert sorted(seen.tolist()) == list(range(items))


def test_the_order_is_another_each_epoch_and_for_each_seed() -> None:
    first, again, second = (draw_indices(50, 50, step, seed=3) for step in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, draw_indices(50, 50, 0, seed=4))
    assert not np.array_equal(first, np.arange(50))


def test_batches_come_in_order_from_the_first_to_the_last() -> None:
    prefetcher = Prefetcher(lambda step: step * step, 3, 7)
    assert list(prefetcher) == [(3, 9), (4, 16), (5, 25), (6, 36)]
    prefetcher.close()


def stops(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true within two seconds."""
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_errors_of_the_worker_are_raised_where_its_batch_is_wanted() -> None:
    def make(step: int) -> int:
        if step == 2:
            raise ValueError("asset 7 is broken")
        return step

    before = threading.active_count()
    batches = iter(Prefetcher(make, 0, 5))
    assert [next(batches), next(batches)] == [(0, 0), (1, 1)]
    with pytest.raises(ValueError, match="asset 7 is broken"):
        next(batches)
    assert stops(lambda: threading.active_count() == before), "the worker has ended"


def test_it_runs_ahead_by_its_depth_only_and_stops_when_closed() -> None:
    before, made = threading.active_count(), []
    prefetcher = Prefetcher(lambda step: made.append(step), 0, 1000, depth=2)
    assert stops(lambda: len(made) == 3)  # two in the queue, one in the hand
    time.sleep(0.05)
    assert len(made) == 3
    prefetcher.close()
    assert threading.active_count() == before
    assert len(made) == 3


@dataclass(frozen=True)
class Pair:
    names: list[str]
    inner: tuple[Tensor, dict[str, np.ndarray]]
    step: int = 7
    mask: Tensor | None = None
    weight: Tensor = field(default_factory=lambda: torch.tensor(2.0))


def pairs() -> Pair:
    return Pair(list("abcd"), (torch.arange(8).reshape(4, 2), {"x": np.arange(4)}))


def test_a_batch_is_cut_whatever_it_is_made_of() -> None:
    second = cut(pairs(), Share(1, 2), 4)
    assert second.names == ["c", "d"]
    assert second.inner[0].tolist() == [[4, 5], [6, 7]]
    assert second.inner[1]["x"].tolist() == [2, 3]
    assert (second.step, second.mask, second.weight.item()) == (7, None, 2.0)


@pytest.mark.parametrize("odd", [torch.zeros(5), torch.zeros(2, 4), [1, 2, 3], {1, 2, 3, 4}, object()])
def test_what_does_not_belong_to_examples_is_not_cut_at_random(odd: object) -> None:
    with pytest.raises((TypeError, AssertionError)):
        cut((torch.zeros(4), odd), Share(0, 2), 4)


class Whole:
    def __init__(self) -> None:
        self.made: list[object] = []

    def batch(self, step: int) -> Tensor:
        self.made.append(step)
        return torch.arange(6) + 10 * step


class InShares(Whole):
    def batch_share(self, step: int, share: Share) -> Tensor:
        self.made.append(share)
        return torch.tensor(share.of(6)) + 10 * step


def test_shares_are_made_where_they_can_be() -> None:
    shares = [Share(1, 3), Share(2, 3)]
    whole, able = Whole(), InShares()
    for source in (whole, able):
        assert [part.tolist() for part in shares_of(source, 1, shares, 6)] == [[12, 13], [14, 15]]
        assert shares_of(source, 1, [Share(0, 1)], 6)[0].tolist() == [10, 11, 12, 13, 14, 15]
    assert whole.made == [1, 1]
    assert able.made == [*shares, 1]
    assert isinstance(able, SharedBatchSource)
    assert not isinstance(whole, SharedBatchSource)


def test_an_example_has_random_numbers_of_its_own() -> None:
    firsts = {example_rng(0, step, place).random() for step in range(3) for place in range(3)}
    assert len(firsts) == 9
    assert example_rng(0, 2, 1).random() in firsts
