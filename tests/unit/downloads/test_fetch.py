"""Downloads from a server with faults."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from file_server import FileServer
from shapewright.downloads import Patience, download, recorded_hash, sha256
from shapewright.errors import DownloadError, OutputError

BODY = bytes(range(256)) * 12_000  # 3 MB: several chunks
SOON = Patience(timeout_s=5, failures=3, backoff_s=0.001)


@pytest.fixture
def url(file_server: FileServer) -> str:
    file_server.files["/a.pt"] = BODY
    return f"{file_server.url}/a.pt"


@pytest.fixture
def digest(tmp_path: Path) -> str:
    (tmp_path / "body").write_bytes(BODY)
    return sha256(tmp_path / "body")


def names(folder: Path) -> set[str]:
    """What is there, without locks."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_a_file_arrives_whole_in_a_new_folder(tmp_path: Path, url: str, digest: str) -> None:
    seen: list[tuple[int, int]] = []
    path = tmp_path / "new" / "a.pt"
    found = download(url, path, expected_sha256=digest, progress=lambda *step: seen.append(step))
    assert (found, path.read_bytes()) == (digest, BODY)
    assert names(path.parent) == {"a.pt"}
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_file_that_is_there_is_not_fetched_again(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    for _ in range(2):
        download(url, tmp_path / "a.pt", expected_sha256=digest)
    assert len(file_server.requests) == 1
    (tmp_path / "a.pt").write_bytes(b"damaged")
    download(url, tmp_path / "a.pt", expected_sha256=digest)
    assert (tmp_path / "a.pt").read_bytes() == BODY


def test_a_broken_transfer_goes_on_where_it_stopped(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    file_server.breaks = [1_500_000, 1_000_000]
    download(url, tmp_path / "a.pt", expected_sha256=digest, patience=SOON)
    assert (tmp_path / "a.pt").read_bytes() == BODY
    ranges = [wanted for _, wanted in file_server.requests]
    assert ranges == [None, "bytes=1500000-", "bytes=2500000-"]


def test_a_server_without_ranges_sends_it_all_again(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    file_server.breaks, file_server.ranges = [1_500_000], False
    download(url, tmp_path / "a.pt", expected_sha256=digest, patience=SOON)
    assert (tmp_path / "a.pt").read_bytes() == BODY
    assert len(file_server.requests) == 2


@pytest.mark.parametrize("tag", ['"1"', "", 'W/"1"'])
def test_the_next_call_goes_on_where_the_last_gave_up(
    tmp_path: Path, url: str, digest: str, file_server: FileServer, tag: str
) -> None:
    file_server.tag = tag
    file_server.breaks = [1_000_000, 0, 0]
    with pytest.raises(DownloadError, match=r"3 times in a row \(1 MB of 3 MB came\).*what came is kept"):
        download(url, tmp_path / "a.pt", expected_sha256=digest, patience=SOON)
    assert names(tmp_path) == {"a.pt.part", "a.pt.part.json", "body"}
    download(url, tmp_path / "a.pt", expected_sha256=digest, patience=SOON)
    assert file_server.requests[-1] == ("/a.pt", "bytes=1000000-")
    assert (tmp_path / "a.pt").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_fetched_anew(
    tmp_path: Path, url: str, file_server: FileServer
) -> None:
    file_server.breaks = [1_000_000, 0, 0]
    with pytest.raises(DownloadError):
        download(url, tmp_path / "a.pt", patience=SOON)
    file_server.files["/a.pt"], file_server.tag = BODY[::-1], '"2"'
    download(url, tmp_path / "a.pt", patience=SOON)
    assert (tmp_path / "a.pt").read_bytes() == BODY[::-1]


def test_a_file_that_is_shorter_now_is_fetched_anew(
    tmp_path: Path, url: str, file_server: FileServer
) -> None:
    file_server.breaks, file_server.tag = [1_000_000, 0, 0], ""
    with pytest.raises(DownloadError):
        download(url, tmp_path / "a.pt", patience=SOON)
    file_server.files["/a.pt"] = b"short"
    download(url, tmp_path / "a.pt", patience=SOON)
    assert (tmp_path / "a.pt").read_bytes() == b"short"


def test_a_piece_from_elsewhere_is_not_appended(tmp_path: Path, url: str, file_server: FileServer) -> None:
    file_server.breaks, file_server.misplaced = [1_000_000], 7
    download(url, tmp_path / "a.pt", patience=SOON)  # no hash would tell
    assert (tmp_path / "a.pt").read_bytes() == BODY
    assert [wanted for _, wanted in file_server.requests] == [None, "bytes=1000000-", None]


def test_a_file_of_unknown_length_is_taken_to_its_end(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    file_server.lengths = False
    totals: set[int] = set()
    download(url, tmp_path / "a.pt", expected_sha256=digest, progress=lambda done, total: totals.add(total))
    assert (tmp_path / "a.pt").read_bytes() == BODY
    assert totals == {0}


def test_a_wrong_hash_is_said_and_nothing_is_kept(tmp_path: Path, url: str, digest: str) -> None:
    with pytest.raises(DownloadError, match=f"its sha256 is {digest}, expected {'0' * 64};"):
        download(url, tmp_path / "a.pt", expected_sha256="0" * 64)
    assert names(tmp_path) == {"body"}


def test_without_a_published_hash_the_first_one_counts(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    assert download(url, tmp_path / "a.pt") == digest
    assert recorded_hash(tmp_path / "a.pt") == digest
    (tmp_path / "a.pt").unlink()
    file_server.files["/a.pt"] = b"something else"
    with pytest.raises(DownloadError, match=r"as when first downloaded \(delete '.*a\.pt\.sha256'"):
        download(url, tmp_path / "a.pt")
    (tmp_path / "a.pt.sha256").unlink()
    assert download(url, tmp_path / "a.pt") != digest


@pytest.mark.parametrize("status", [404, 403])
def test_what_is_not_there_is_not_tried_again(
    tmp_path: Path, url: str, file_server: FileServer, status: int
) -> None:
    file_server.statuses = [status]
    with pytest.raises(DownloadError, match=f"a.pt' cannot be fetched: the server answered {status}"):
        download(url, tmp_path / "a.pt", patience=SOON)
    assert len(file_server.requests) == 1


def test_a_busy_server_is_asked_again(tmp_path: Path, url: str, file_server: FileServer) -> None:
    file_server.statuses = [503, 429]
    download(url, tmp_path / "a.pt", patience=SOON)
    assert len(file_server.requests) == 3


def test_no_network_is_one_sentence(tmp_path: Path, file_server: FileServer) -> None:
    import socket

    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(
            DownloadError, match=rf"No connection to '127\.0\.0\.1:{port}' .*refused.*check the network\."
        ):
            download(f"http://127.0.0.1:{port}/a.pt", tmp_path / "a.pt", patience=SOON)
    assert names(tmp_path) == set()


def test_a_silent_server_is_given_up_on(tmp_path: Path, url: str, file_server: FileServer) -> None:
    file_server.gate = threading.Event()
    with pytest.raises(DownloadError, match="timed out"):
        download(url, tmp_path / "a.pt", patience=Patience(timeout_s=0.05, failures=2, backoff_s=0.001))


def test_a_disk_with_too_little_room_is_said_before(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=66 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OutputError, match=r"'a\.pt' needs 3 MB, but .* has 69 MB free"):
        download(url, tmp_path / "a.pt")
    assert not (tmp_path / "a.pt").exists()


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only some systems have a disk that is always full"
)
def test_a_disk_that_fills_up_leaves_nothing_under_the_name(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = Path.open

    def full(path: Path, mode: str = "r", *rest: object, **more: object):
        return really(Path("/dev/full") if mode == "ab" else path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OutputError, match=r"Cannot write '.*a\.pt': No space left on device;"):
        download(url, tmp_path / "a.pt")
    assert not (tmp_path / "a.pt").exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, url: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        download(url, tmp_path / "file" / "a.pt")


def test_two_at_once_fetch_once(tmp_path: Path, url: str, digest: str, file_server: FileServer) -> None:
    file_server.gate = threading.Event()
    found: list[str] = []

    def waiting(text: str) -> None:
        assert "Another process is busy with 'a.pt'" in text
        assert file_server.gate is not None
        file_server.gate.set()  # the first may finish once the second is seen to wait

    threads = [
        threading.Thread(
            target=lambda: found.append(download(url, tmp_path / "a.pt", waiting=waiting)), daemon=True
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [digest, digest]
    assert len(file_server.requests) == 1


CHILD = """
import sys
from pathlib import Path
from shapewright.downloads import download
download(sys.argv[1], Path(sys.argv[2]), progress=lambda done, total: print(done, flush=True))
"""


def test_a_killed_process_leaves_a_part_that_is_gone_on_with(
    tmp_path: Path, url: str, digest: str, file_server: FileServer
) -> None:
    file_server.gate = threading.Event()
    command = [sys.executable, "-c", CHILD, url, str(tmp_path / "a.pt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert int(child.stdout.readline()) >= 1 << 20  # a chunk is on its way to the disk
        child.send_signal(signal.SIGKILL)
    file_server.gate.set()
    part = (tmp_path / "a.pt.part").stat().st_size
    assert 0 < part < len(BODY)
    assert json.loads((tmp_path / "a.pt.part.json").read_text())["total"] == len(BODY)
    assert download(url, tmp_path / "a.pt", expected_sha256=digest) == digest
    assert file_server.requests[-1] == ("/a.pt", f"bytes={part}-")
