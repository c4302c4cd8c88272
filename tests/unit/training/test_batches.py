"""Which items a step sees, and making batches ahead of time."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from shapewright.training.batches import Prefetcher, draw_indices


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
