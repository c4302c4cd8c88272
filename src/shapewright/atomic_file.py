"""Files and folders that are written whole or not at all, and a check of the place before time is spent."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from shapewright.errors import OutputError

__all__ = ["check_new_folder", "check_writable", "new_folder", "replacing"]


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A temporary path beside `path` with its suffix; renamed to `path` on success, removed on any failure.

    Folders on the way are made. Raises: OutputError if the place cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some libraries write files that only their owner can read
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"Cannot write '{path}': {error.strerror or error}.") from error
    finally:
        with suppress(OSError):  # gone already, or its folder was never there
            temporary.unlink()


@contextmanager
def new_folder(path: Path) -> Generator[Path]:
    """A temporary folder beside `path`; renamed to `path` on success, removed on any failure.

    Raises: OutputError if there is something at `path` already, or the place cannot be written.
    """
    check_new_folder(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)  # of a process that was killed, with the same number
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_dir():  # an empty one
            path.rmdir()
        temporary.rename(path)
    except OSError as error:
        raise OutputError(f"Cannot write '{path}': {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_new_folder(path: Path) -> None:
    """Try whether `path` could be made as a new folder. An empty folder may be there.

    Raises: OutputError naming what is in the way.
    """
    if path.is_dir() and any(path.iterdir()):
        raise OutputError(f"The folder '{path}' is not empty: give a new one.")
    check_writable(path / "file")


def check_writable(path: Path) -> None:
    """Try whether `path` could be written, without making or leaving anything.

    Raises: OutputError naming what is in the way.
    """
    if path.is_dir():
        raise OutputError(f"Cannot write '{path}': it is a folder; give a file name inside it.")
    parent = path.parent
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"Cannot write '{path}': '{parent}' is a file, not a folder.")
    try:
        with tempfile.TemporaryFile(dir=parent):  # permissions alone do not tell: the disk may be read-only
            pass
    except OSError as error:
        raise OutputError(f"Cannot write '{path}': {error.strerror or error} in '{parent}'.") from error
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"Cannot write '{path}': it exists and is write-protected.")
