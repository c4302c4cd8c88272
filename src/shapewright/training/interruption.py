"""Ctrl-C as a wish rather than a crash."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["stop_signal"]


@contextmanager
def stop_signal() -> Generator[Callable[[], bool]]:
    """Within this, Ctrl-C and SIGTERM ask for a stop after the current step."""
    asked: list[int] = []
    previous: dict[signal.Signals, Any] = {}
    for name in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[name] = signal.signal(name, lambda number, _: asked.append(number))
        except ValueError:  # not in the main thread: whoever runs us handles signals
            break
    try:
        yield lambda: bool(asked)
    finally:
        for name, handler in previous.items():
            signal.signal(name, handler)
