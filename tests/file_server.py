"""A web server on this machine whose faults are ordered: broken transfers, no ranges, errors."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class FileServer:
    """`files` by path ('/a.pt'). `requests` lists (path, Range header or None) as they came.

    breaks: how many bytes the next answers give before the connection is cut (None: all of it); statuses:
    what the next answers are, then 200; ranges: whether it knows Range; lengths: whether it tells them; tag:
    its ETag (empty: none); misplaced: by how many bytes the next piece is off; gate: answers stop after half
    of their bytes until it is set.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    lengths: bool = True
    misplaced: int = 0
    tag: str = '"1"'
    gate: threading.Event | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving() -> Generator[FileServer]:
    """A server in a thread, until the end of the block."""
    state = FileServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        if state.gate is not None:
            state.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Generator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as state:
        yield state


def _handler(state: FileServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            status = state.statuses.pop(0) if state.statuses else 200
            if status != 200 or self.path not in state.files:
                self.send_error(status if status != 200 else 404)
                return
            body = state.files[self.path]
            start = self.start_of(wanted)
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if state.lengths:
                self.send_header("Content-Length", str(len(body) - start))
            if state.tag:
                self.send_header("ETag", state.tag)
            if start:
                off, state.misplaced = state.misplaced, 0
                first, last = start - off, len(body) - 1 - off
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
                body = body[len(body) - off :] + body[: len(body) - off]
            self.end_headers()
            self.send_body(body[start:])

        def start_of(self, wanted: str | None) -> int:
            unchanged = self.headers.get("If-Range") in (None, state.tag)
            return int(wanted[6:-1]) if wanted and state.ranges and unchanged else 0

        def send_body(self, body: bytes) -> None:
            cut = state.breaks.pop(0) if state.breaks else None
            if state.gate is not None:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                state.gate.wait(10)
                body = body[len(body) // 2 :]
            self.wfile.write(body[:cut])

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
