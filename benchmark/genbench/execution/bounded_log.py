"""A log file that keeps the head and the tail of what a child prints, whatever the amount."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path

from genbench.errors import RunFolderError

HEAD_BYTES = TAIL_BYTES = 256 * 1024


class BoundedLog:
    """The head is on disk as soon as it is written, the tail when the log is closed.

    A disk that is full costs the rest of the log and nothing else. Raises RunFolderError where there can be no
    log at all.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from None
        self._room = HEAD_BYTES
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._dropped = 0

    def write(self, chunk: bytes) -> None:
        head, rest = chunk[: self._room], chunk[self._room :]
        if head:
            self._put(head)
            self._room -= len(head)
        if rest:
            self._tail.append(rest)
            self._tail_bytes += len(rest)
        while self._tail and self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
            self._dropped += len(self._tail[0])
            self._tail_bytes -= len(self._tail.popleft())

    def close(self) -> None:
        if self._file.closed:
            return
        if self._dropped:
            self._put(b"\n... %d bytes left out ...\n" % self._dropped)
        for chunk in self._tail:
            self._put(chunk)
        self._file.close()

    def _put(self, chunk: bytes) -> None:
        with contextlib.suppress(OSError):
            while chunk:
                chunk = chunk[self._file.write(chunk) :]
