"""The disk that downloads land on: its room, who may write, what a file hashes to."""

import hashlib
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from shapewright.errors import OutputError

__all__ = ["Waiting", "check_space", "locked", "people_size", "sha256"]

Waiting = Callable[[str], None]

# Left free on the disk beyond what is written: other programs live there too.
SPARE_BYTES = 64 << 20


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, waiting: Waiting | None = None) -> Generator[None]:
    """Within this, no other thread or process is in the same for `path`. A killed process holds no lock.

    Raises: OutputError if the folder of `path`, which must exist, cannot be written.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        _acquire(lock, path, waiting)
    except OSError as error:
        raise OutputError(f"Cannot lock '{path}': {error.strerror or error}.") from error
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: BaseFileLock, path: Path, waiting: Waiting | None) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if waiting is not None:
            waiting(f"Another process is busy with '{path.name}': waiting for it.")
        lock.acquire()


def check_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raises: OutputError if the disk of `folder` (which may not exist yet) has too little room."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise OutputError(
            f"{what} needs {people_size(needed_bytes)}, but '{folder}' has {people_size(free)} free: make "
            "room there, or set SHAPEWRIGHT_HOME to a folder on another disk."
        )


def people_size(size_bytes: int) -> str:
    """Bytes as people say them."""
    if size_bytes >= 10**9:
        return f"{size_bytes / 10**9:.1f} GB"
    return f"{size_bytes / 10**6:.0f} MB" if size_bytes >= 10**6 else f"{size_bytes} bytes"
