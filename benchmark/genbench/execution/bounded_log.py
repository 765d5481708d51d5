"""A log file of bounded size: it keeps the first and the last part of what a worker prints."""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path

from genbench.errors import RunFolderError
from genbench.util.redaction import redacted_bytes

HEAD_BYTES = TAIL_BYTES = 256 * 1024
"""The sizes of the first and the last part."""
_MAX_LINE_BYTES = 4096
"""How much of a line that is not finished is kept until the rest comes, since an address may come in two pieces."""


class BoundedLog:
    """The first part is on disk line by line, the last part when the log is closed.

    If the disk is full, the rest of the log is lost and nothing is raised. The constructor raises RunFolderError if the
    file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # what is there may be a link to any file
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from None
        self._room = HEAD_BYTES
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._dropped = 0
        self._line = b""

    def write(self, chunk: bytes) -> None:
        """Add output of the worker. Passwords and tokens in addresses are left out."""
        chunk = self._line + chunk
        end = chunk.rfind(b"\n") + 1
        if len(chunk) - end > _MAX_LINE_BYTES:
            end = len(chunk)
        self._line = chunk[end:]
        self._add(redacted_bytes(chunk[:end]))

    def _add(self, chunk: bytes) -> None:
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
        self._add(redacted_bytes(self._line))
        if self._dropped:
            self._put(b"\n... %d bytes left out ...\n" % self._dropped)
        for chunk in self._tail:
            self._put(chunk)
        self._file.close()

    def _put(self, chunk: bytes) -> None:
        with contextlib.suppress(OSError):
            while chunk:
                chunk = chunk[self._file.write(chunk) :]
