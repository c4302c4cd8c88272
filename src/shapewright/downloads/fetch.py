"""Files from the web: resumed where they broke off, verified, and under their names only when complete.

While `weights.pt` is fetched, `weights.pt.part` holds what has come and `weights.pt.part.json` what is known
of the whole; a process that is killed leaves both, and the next call goes on from there.
"""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shapewright.downloads.disk import Waiting, check_space, locked, people_size, sha256
from shapewright.downloads.part import Part
from shapewright.errors import DownloadError, OutputError

__all__ = ["Patience", "download", "recorded_hash"]

Progress = Callable[[int, int], None]

CHUNK_BYTES = 1 << 20
# Answers that may be different in a moment; any other error of HTTP is final.
PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a silent connection is borne, and how often in a row a transfer may fail without progress.

    Before the k-th new attempt there is a pause of backoff_s * 2^(k-1) seconds.
    """

    timeout_s: float = 30.0
    failures: int = 5
    backoff_s: float = 1.0


class BrokenTransfer(Exception):
    """A transfer that ended early; what came is kept, and going on is worth a try."""


def download(
    url: str,
    path: Path,
    *,
    expected_sha256: str | None = None,
    progress: Progress | None = None,
    waiting: Waiting | None = None,
    patience: Patience | None = None,
) -> str:
    """Fetch `url` into `path` unless it is there already; returns the file's SHA-256.

    Without an expected hash, the one first seen is recorded in `path`.sha256 and later downloads must agree
    with it. progress(done, total) counts bytes, total being 0 where the server does not tell; waiting(text)
    is called once if another process is fetching the same file, which is then waited for.
    Raises: DownloadError without network, for an answer other than the file, or for another hash (what came
    is deleted then); OutputError for a full disk or a place that cannot be written.
    """
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path, waiting):
            found = _found(path, expected_sha256 or recorded_hash(path))
            if found is None:
                part = Part(path)
                _fetch(url, part, progress, patience or Patience())
                found = _verified(url, part, expected_sha256)
                part.finish()
            if expected_sha256 is None:
                _record(path).write_text(f"{found}\n", encoding="utf-8")
            return found


def recorded_hash(path: Path) -> str | None:
    """The hash that the first download of a file without a published one had."""
    record = _record(path)
    return record.read_text(encoding="utf-8").strip() if record.is_file() else None


def _fetch(url: str, part: Part, progress: Progress | None, patience: Patience) -> None:
    """Try until the part is complete, or nothing new has come several times in a row."""
    failures = 0
    while True:
        before = part.size
        try:
            return _transfer(url, part, progress, patience.timeout_s)
        except BrokenTransfer as error:
            failures = 1 if part.size > before else failures + 1
            if failures >= patience.failures:
                raise DownloadError(
                    f"The download of '{url}' broke off {failures} times in a row ({error}); what came is "
                    "kept, so run the same command again later and it goes on there."
                ) from error
        time.sleep(patience.backoff_s * 2 ** (failures - 1))


def _transfer(url: str, part: Part, progress: Progress | None, timeout_s: float) -> None:
    """One request for what is missing. Raises: BrokenTransfer if it ends early."""
    headers = part.resuming(url)
    if part.is_complete:
        return
    with _opened(urllib.request.Request(url, headers=headers), part, timeout_s) as response:
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            if not part.fits(response.headers):
                part.discard()
                raise BrokenTransfer("the server answered with another piece than asked for")
        else:  # the whole file: it is new, it has changed, or the server does not know ranges
            part.begin(url, response.headers)
        total = part.total or 0
        check_space(part.path.parent, max(total - part.size, 0), f"'{part.name}'")
        with part.path.open("ab") as file:
            done = part.size
            for chunk in _chunks(response):
                file.write(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done, total)
        if total and done != total:
            raise BrokenTransfer(f"{people_size(done)} of {people_size(total)} came")


@contextmanager
def _opened(request: urllib.request.Request, part: Part, timeout_s: float) -> Generator[Any]:
    """The server's answer. Raises: DownloadError where another attempt would be in vain; BrokenTransfer."""
    try:
        response = urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.discard()  # it is longer than the file is now
            raise BrokenTransfer("the file has changed on the server") from error
        if error.code in PASSING or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BrokenTransfer(f"the server answered {error.code}") from error
        raise DownloadError(
            f"'{request.full_url}' cannot be fetched: the server answered {error.code} ({error.reason})."
        ) from error
    except (OSError, http.client.HTTPException) as error:  # a URLError is an OSError
        reason = getattr(error, "reason", error)
        if part.was_reached:
            raise BrokenTransfer(str(reason)) from error
        host = urlsplit(request.full_url).netloc
        raise DownloadError(f"No connection to '{host}' ({reason}): check the network.") from error
    part.was_reached = True
    with response:
        yield response


def _chunks(response: Any) -> Generator[bytes]:
    while True:
        try:
            chunk = response.read(CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise BrokenTransfer(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


@contextmanager
def _disk_errors(path: Path) -> Generator[None]:
    """Failures to write as one sentence; those of the network are others by now."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"Cannot write '{path}': {error.strerror or error}; what came is kept, so make room or mend it "
            "and run the same command again."
        ) from error


def _found(path: Path, expected: str | None) -> str | None:
    """The hash of a file that is there already; None if it is not, or was damaged since."""
    if not path.is_file():
        return None
    found = sha256(path)
    return found if expected in (None, found) else None


def _verified(url: str, part: Part, published: str | None) -> str:
    """The hash of what came. Raises: DownloadError, having deleted it, if it should be another."""
    found = sha256(part.path)
    expected = published or recorded_hash(part.final)
    if expected in (None, found):
        return found
    part.discard()
    seen_before = ""
    if published is None:
        seen_before = f" as when first downloaded (delete '{_record(part.final)}' if the change is meant)"
    raise DownloadError(
        f"'{url}' gave another file than expected, which was deleted: its sha256 is {found}, expected "
        f"{expected}{seen_before}; try again, or ask whoever runs your network."
    )


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
