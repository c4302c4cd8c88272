"""How the commands talk: sentences and progress bars on stderr, results on stdout, or JSON only."""

import json
import sys
import time
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

__all__ = ["Advance", "Terminal", "duration", "memory"]

# Where there is no terminal to draw a bar in, a line is printed at most this often.
SECONDS_BETWEEN_LINES = 15.0


@runtime_checkable
class Advance(Protocol):
    """Called as work gets done: steps done of how many, and perhaps a word on how it goes."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


class Terminal:
    """Everything a command prints goes through here.

    For people: what will happen and progress on stderr, results on stdout. With `as_json`: one JSON value on
    stdout at the end and nothing else. `muted`: only errors, for all but the first of many processes.
    """

    def __init__(self, *, as_json: bool = False, muted: bool = False) -> None:
        self.as_json, self.muted = as_json, muted

    def say(self, text: str) -> None:
        """What is about to happen, or happened."""
        if not (self.as_json or self.muted):
            print(text, file=sys.stderr, flush=True)

    def result(self, value: Mapping[str, Any], text: str) -> None:
        """What the command found or made: `value` for machines, `text` for people."""
        if not self.muted:
            print(json.dumps(value, indent=2) if self.as_json else text, flush=True)

    def error(self, text: str) -> None:
        """One sentence on stderr, whoever reads stdout."""
        stop = "" if text.endswith((".", "?", "!")) else "."
        print(f"shapewright: {text}{stop}", file=sys.stderr, flush=True)

    @contextmanager
    def notes(self) -> Generator[None]:
        """Within this, warnings are one line each: those meant for users, which are UserWarnings."""
        with warnings.catch_warnings():
            warnings.showwarning = self._show_warning
            yield

    def _show_warning(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        if category is UserWarning:
            self.say(f"Note: {message}.")

    @contextmanager
    def progress(self, title: str) -> Generator[Advance]:
        """A bar with the time left; plain lines now and then where stderr is not a terminal."""
        if self.as_json or self.muted:
            yield _silent
        elif sys.stderr.isatty():
            with _bar(title) as advance:
                yield advance
        else:
            yield _Lines(title)


def _silent(done: int, total: int, note: str = "") -> None:
    pass


@contextmanager
def _bar(title: str) -> Generator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=None, note="")
        totals: list[int] = []

        def advance(done: int, total: int, note: str = "") -> None:
            if totals[-1:] != [total]:  # another kind of work, with a pace of its own
                progress.reset(task, total=total, completed=done, note=note)
                totals.append(total)
            progress.update(task, completed=done, note=note)

        yield advance


class _Lines:
    """The bar's stand-in for logs."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = self.printed = time.monotonic()
        self.first = self.total = -1

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now = time.monotonic()
        if total != self.total:  # another kind of work, with a pace of its own; it may start in the middle
            self.first, self.total, self.started = done, total, now
        if now - self.printed < SECONDS_BETWEEN_LINES or done == self.first:
            return
        self.printed = now
        left = (now - self.started) / (done - self.first) * (total - done)
        line = f"{self.title}: {done} of {total}, about {duration(left)} left"
        print(f"{line}, {note}" if note else line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: '8 s', '3 min', '2 h 10 min'."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(count: float) -> str:
    """Bytes as people say them: '340 MiB', '2.1 GiB'."""
    mebibytes = count / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 1000 else f"{mebibytes / 1024:.1f} GiB"
