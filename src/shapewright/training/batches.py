"""What one optimisation step sees, as a function of (seed, step) alone: that makes a resumed run exact."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np

__all__ = ["Prefetcher", "draw_indices"]

BatchT = TypeVar("BatchT")


def draw_indices(items: int, batch_size: int, step: int, seed: int) -> np.ndarray:
    """Indices of batch number `step` when the items are gone through in a new order each epoch.

    Every item comes once an epoch; a batch may reach over the end of one. Returns (batch_size,) int64.
    """
    assert items > 0, "cannot draw from nothing"
    positions = np.arange(step * batch_size, (step + 1) * batch_size)
    drawn = np.empty(batch_size, dtype=np.int64)
    for epoch in np.unique(positions // items):
        inside = positions // items == epoch
        order = np.random.default_rng((seed, 7, int(epoch))).permutation(items)
        drawn[inside] = order[positions[inside] % items]
    return drawn


class Prefetcher(Generic[BatchT]):
    """Makes the next batches in a thread while the current one is trained on."""

    def __init__(self, make: Callable[[int], BatchT], first: int, end: int, depth: int = 2) -> None:
        self._queue: queue.Queue[tuple[int, BatchT | Exception]] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make, first, end), daemon=True)
        self._end = end
        self._thread.start()

    def _run(self, make: Callable[[int], BatchT], first: int, end: int) -> None:
        for step in range(first, end):
            try:
                item: tuple[int, BatchT | Exception] = (step, make(step))
            except Exception as error:  # handed to the training thread, which raises it
                item = (step, error)
            while not self._stop.is_set():
                try:
                    self._queue.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if self._stop.is_set() or isinstance(item[1], Exception):
                return

    def __iter__(self) -> Iterator[tuple[int, BatchT]]:
        while True:
            step, batch = self._queue.get()
            if isinstance(batch, Exception):
                raise batch
            yield step, batch
            if step + 1 >= self._end:
                return

    def close(self) -> None:
        """Stop making batches."""
        self._stop.set()
        self._thread.join(timeout=10)
