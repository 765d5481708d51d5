"""A real web server on loopback that gives files or parts of them, cuts them short, spoils them, dawdles, or has
none."""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """files: by path. requests: the paths asked for; parts: the ranges that were asked for with them, or "".

    faults: what to do wrong with a path, once for each word: "cut" (half of what was announced), "short" (half of
    it, nothing announced), "spoil", "500" or another status, "dawdle" (says nothing for `dawdle_seconds`), "drop"
    (hangs up without a word), "unannounced" (no length), "other part" (one that was not asked for).
    redirects: from path to path. stall_after_bytes: where it falls silent, if it is slow. knows_parts: whether it
    gives the rest of a file on its own.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.faults: dict[str, list[str]] = {}
        self.redirects: dict[str, str] = {}
        self.knows_parts = True
        self.requests: list[str] = []
        self.parts: list[str] = []
        self.dawdle_seconds = 1.0
        self.slow_bytes_per_second = 0.0
        self.stall_after_bytes = 0
        self.address = ""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    state = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urllib.parse.unquote(self.path).lstrip("/")
            state.requests.append(path)
            asked = self.headers.get("Range", "")
            state.parts.append(asked)
            content = state.files.get(path)
            waiting = state.faults.get(path, [])
            fault = waiting.pop(0) if waiting else ""
            if path in state.redirects:
                self.send_response(302)
                self.send_header("Location", f"/{urllib.parse.quote(state.redirects[path])}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if fault.isdigit() or content is None:
                self.send_error(int(fault or 404))
                return
            if fault == "drop":
                self.close_connection = True
                return
            if fault == "dawdle":
                time.sleep(state.dawdle_seconds)
            if fault == "spoil":
                content = bytes([content[0] ^ 1]) + content[1:]
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.knows_parts else 0
            if start >= len(content) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                said = start + 1 if fault == "other part" else start
                self.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
            content = content[start:]
            if fault not in ("unannounced", "short"):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # the reader gave up
                self._send(content[: len(content) // 2] if fault in ("cut", "short") else content)
            self.close_connection = True

        def _send(self, content: bytes) -> None:
            if not state.slow_bytes_per_second:
                self.wfile.write(content)
                return
            step = max(1, int(state.slow_bytes_per_second / 50))
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                time.sleep(step / state.slow_bytes_per_second)
                if 0 < state.stall_after_bytes <= start:
                    time.sleep(state.dawdle_seconds)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
