"""Named models into the cache: their files downloaded (or taken from this machine), verified, converted."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from shapewright.cache import cache_folder
from shapewright.downloads import Patience, Waiting, check_space, download, recorded_hash, sha256
from shapewright.errors import DownloadError, ModelError
from shapewright.models import NamedModel, RemoteFile, find_model, is_usable, pull_lock
from shapewright.pipeline.convert import convert

__all__ = ["Pulled", "pull"]

# progress(name of the file, bytes done, bytes of all)
FileProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """Where the model is, and the SHA-256 of each file it was made of: none if it was there already."""

    folder: Path
    hashes: Mapping[str, str]
    was_there: bool = False


def pull(
    name: str,
    *,
    source: Path | None = None,
    keep_files: bool = False,
    dtype: torch.dtype = torch.float32,
    progress: FileProgress | None = None,
    waiting: Waiting | None = None,
    patience: Patience | None = None,
) -> Pulled:
    """Make a named model usable by `Pipeline.from_pretrained(name)`; nothing is done if it is already.

    source: a folder with the published files, or the one file that a model has, in place of the network.
    Downloads are deleted once they are converted unless `keep_files`.
    Raises: ModelError for an unknown name, or local files that are missing or
    not the published ones; DownloadError; OutputError for a full or write-protected disk.
    """
    model = find_model(name)
    if is_usable(model):
        return Pulled(folder=model.folder, hashes={}, was_there=True)
    if model.is_shipped:
        raise ModelError(
            f"'{name}' ships with the package but is missing from it: install the package again."
        )
    with pull_lock(waiting):
        if is_usable(model):  # made while we waited
            return Pulled(folder=model.folder, hashes={}, was_there=True)
        if source is not None:
            hashes = _verified_here(model, source)
            files = list(hashes)
        else:
            hashes = _downloaded(model, dtype, progress, waiting, patience)
            files = [file.path for file in model.files]
        _clear(model.folder)
        convert(files, model.folder, name=name, dtype=dtype)
        if source is None and not keep_files:
            for path in files:
                path.unlink()
    return Pulled(folder=model.folder, hashes={path.name: digest for path, digest in hashes.items()})


def _clear(folder: Path) -> None:
    """Delete what a process that was killed, or somebody who deleted half of it, left of a model."""
    for torn in (folder, *folder.parent.glob(f".{folder.name}.*.tmp")):
        shutil.rmtree(torn, ignore_errors=True)


def _downloaded(
    model: NamedModel,
    dtype: torch.dtype,
    progress: FileProgress | None,
    waiting: Waiting | None,
    patience: Patience | None,
) -> dict[Path, str]:
    """Every file of the model, fetched where it is not there yet, with its hash."""
    missing = sum(file.about_bytes for file in model.files if not file.path.is_file())
    converted = model.about_bytes // 4 * dtype.itemsize
    check_space(cache_folder(), missing + converted, f"'{model.name}' (its files and what is made of them)")
    return {
        file.path: _fetched(file, progress=progress, waiting=waiting, patience=patience)
        for file in model.files
    }


def _fetched(
    file: RemoteFile,
    *,
    progress: FileProgress | None,
    waiting: Waiting | None,
    patience: Patience | None,
) -> str:
    def of_this_file(done: int, total: int) -> None:
        if progress is not None:
            progress(file.name, done, total)

    try:
        return download(
            file.url,
            file.path,
            expected_sha256=file.sha256,
            progress=of_this_file,
            waiting=waiting,
            patience=patience,
        )
    except DownloadError as error:
        reason = str(error).rstrip(".")
        raise DownloadError(
            f"{reason}; files that are on this machine already can be given with --from."
        ) from error


def _verified_here(model: NamedModel, source: Path) -> dict[Path, str]:
    """The model's files in `source`, with their hashes. Raises: ModelError."""
    if not source.exists():
        raise ModelError(f"There is no file or folder '{source}'.")
    paths = [source] if source.is_file() else [source / file.name for file in model.files]
    missing = [path.name for path in paths if not path.is_file()]
    if missing or len(paths) != len(model.files):
        wanted = ", ".join(file.name for file in model.files)
        raise ModelError(
            f"'{model.name}' is made of {wanted}: give a folder that holds them, '{source}' does not."
        )
    return {path: _hash_here(path, file) for path, file in zip(paths, model.files, strict=True)}


def _hash_here(path: Path, file: RemoteFile) -> str:
    found, expected = sha256(path), file.sha256 or recorded_hash(file.path)
    if expected not in (None, found):
        raise ModelError(
            f"'{path}' is not the published file: its sha256 is {found}, expected {expected}; "
            "'shapewright models convert' takes other files."
        )
    return found
