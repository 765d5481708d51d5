"""A real web server on loopback that gives files, cuts them short, spoils them, dawdles, or has none."""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer:
    """files: by path. faults: what to do wrong with a path, once for each word: "cut", "spoil", "500",
    "dawdle" (says nothing for `dawdle_seconds`). requests: the paths asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.faults: dict[str, list[str]] = {}
        self.requests: list[str] = []
        self.dawdle_seconds = 1.0
        self.slow_bytes_per_second = 0.0
        self.address = ""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    state = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urllib.parse.unquote(self.path).lstrip("/")
            state.requests.append(path)
            content = state.files.get(path)
            waiting = state.faults.get(path, [])
            fault = waiting.pop(0) if waiting else ""
            if fault == "500" or content is None:
                self.send_error(500 if fault else 404)
                return
            if fault == "dawdle":
                time.sleep(state.dawdle_seconds)
            if fault == "spoil":
                content = bytes([content[0] ^ 1]) + content[1:]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):  # the reader gave up
                self._send(content[: len(content) // 2] if fault == "cut" else content)
            self.close_connection = True

        def _send(self, content: bytes) -> None:
            if not state.slow_bytes_per_second:
                self.wfile.write(content)
                return
            step = max(1, int(state.slow_bytes_per_second / 50))
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                time.sleep(step / state.slow_bytes_per_second)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
