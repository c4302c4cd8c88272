"""What one optimisation step sees, as a function of (seed, step) alone: that makes a resumed run exact.

Neither does it depend on how many processes there are: each makes, or cuts out, its shares of one batch.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor

from shapewright.nn.draws import Share

__all__ = [
    "BatchSource",
    "Prefetcher",
    "SharedBatchSource",
    "cut",
    "draw_indices",
    "example_rng",
    "shares_of",
]

BatchT = TypeVar("BatchT")


@runtime_checkable
class BatchSource(Protocol):
    """Makes the global batch of a step."""

    def batch(self, step: int) -> Any: ...


@runtime_checkable
class SharedBatchSource(BatchSource, Protocol):
    """Can also make a part of it without making the rest."""

    def batch_share(self, step: int, share: Share) -> Any:
        """What `cut(self.batch(step), share, batch_size)` would be."""
        ...


def shares_of(source: BatchSource, step: int, shares: list[Share], batch_size: int) -> list[Any]:
    """These shares of the batch of `step`: made where the source can make them, else cut out of the whole."""
    if shares == [Share(0, 1)]:
        return [source.batch(step)]
    if isinstance(source, SharedBatchSource):
        return [source.batch_share(step, share) for share in shares]
    whole = source.batch(step)
    return [cut(whole, share, batch_size) for share in shares]


def cut(batch: Any, share: Share, batch_size: int) -> Any:
    """A share of a batch made of tensors, arrays and lists with one entry per example.

    They may be nested in tuples, dictionaries and dataclasses; single values are the same for every share.
    Raises: TypeError for anything else, which only the objective can cut (see `SharedBatchSource`).
    """
    single = isinstance(batch, (Tensor, np.ndarray)) and batch.ndim == 0
    if batch is None or single or isinstance(batch, (bool, int, float, str)):
        return batch
    if isinstance(batch, (Tensor, np.ndarray, list)) and len(batch) == batch_size:
        places = share.of(batch_size)
        return batch[places.start : places.stop]
    if isinstance(batch, tuple) and not hasattr(batch, "_fields"):
        return tuple(cut(part, share, batch_size) for part in batch)
    if isinstance(batch, dict):
        return {name: cut(part, share, batch_size) for name, part in batch.items()}
    if is_dataclass(batch) and not isinstance(batch, type):
        parts = {f.name: cut(getattr(batch, f.name), share, batch_size) for f in fields(batch)}
        return replace(batch, **parts)
    what = f"{type(batch).__name__}{list(getattr(batch, 'shape', ()))}"
    raise TypeError(f"a {what} does not say which of it belongs to which of {batch_size} examples")


def example_rng(seed: int, step: int, place: int) -> np.random.Generator:
    """Random numbers of the example at `place` in the global batch of `step`."""
    return np.random.default_rng((seed, 13, step, place))


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
