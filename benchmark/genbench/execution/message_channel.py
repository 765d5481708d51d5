"""Messages from a worker to its supervisor: frames of JSON through a pipe, which the reader never waits for.

A frame is a length of four bytes and as many bytes of JSON. The code of a model runs in the process that writes, and
may write anything into the pipe, stop in mid-frame, or never stop. The reader therefore takes what is there, a bounded
amount at a time, and gives up a pipe whose next length is out of bounds.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import msgspec

from genbench.records.task import Message

MAX_MESSAGE_BYTES = 1 << 26
"""The longest message. An outcome with all its curves has some hundred kilobytes."""
_HEADER = struct.Struct("!I")
_READ_BYTES = 1 << 16
_MAX_READS = 16
"""How many pieces are read at a time, so that a worker that never stops writing cannot keep its supervisor."""
_MAX_READS_AT_THE_END = 2 * (MAX_MESSAGE_BYTES // _READ_BYTES)
"""How many pieces are read once the worker has ended. A process that it left behind may hold the pipe and go on
writing, so this has a limit too."""


class MessageWriter:
    """The worker's end of the pipe. descriptor: open for writing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: Message) -> None:
        """Write a message, waiting for the reader if the pipe is full. Raises OSError if there is no reader left."""
        text = msgspec.json.encode(message)
        frame = memoryview(_HEADER.pack(len(text)) + text)
        while frame:
            frame = frame[os.write(self._descriptor, frame) :]


class MessageReader:
    """The supervisor's end of the pipe. descriptor: open for reading; it stays the caller's to close."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._decode = msgspec.json.Decoder(Message).decode
        self._buffer = bytearray()
        self.is_over = False
        """No message can come any more: every writer has closed the pipe, or it is broken."""
        self.is_broken = False
        """Something else than messages was written into the pipe."""

    def messages(self, *, at_the_end: bool = False) -> Iterator[Message]:
        """The messages that have come since the last call, or the first of them where they are many.

        at_the_end: the worker has ended, so that all of them are wanted.
        """
        for _ in range(_MAX_READS_AT_THE_END if at_the_end else _MAX_READS):
            if self.is_over:
                return
            try:
                piece = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                piece = b""
            self.is_over = not piece
            self._buffer += piece
            yield from self._whole_frames()

    def _whole_frames(self) -> Iterator[Message]:
        start = 0
        while len(self._buffer) - start >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._buffer, start)
            if length > MAX_MESSAGE_BYTES:
                self.is_broken = self.is_over = True
                self._buffer.clear()
                return
            end = start + _HEADER.size + length
            if len(self._buffer) < end:
                break
            text = bytes(self._buffer[start + _HEADER.size : end])
            start = end
            try:
                message = self._decode(text)
            except msgspec.DecodeError:  # the frame of something else than a message
                continue
            yield message
        del self._buffer[:start]
