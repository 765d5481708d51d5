"""Bringing one address's file into a partial file: copied, downloaded, or continued where a download broke off.

Whether it is the right file, `genbench.datasets.fetching` decides; this module deals with servers and disks alone.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
"""How long to wait for a server to accept the connection."""
SILENCE_SECONDS = 20.0
"""How long an open connection may send nothing; a connection that is merely slow is never given up."""
_BLOCK_BYTES = 1 << 16


@runtime_checkable
class Progress(Protocol):
    """Shows how far a download has come."""

    total: int
    """Size of the whole file in bytes; 0 where the server does not say."""

    def update(self, bytes_more: int) -> None:
        """`bytes_more` further bytes are in the file."""

    def reset(self) -> None:
        """The download starts again from the first byte."""

    def close(self) -> None:
        """The download has ended, with or without success."""


class Refused(Exception):
    """An address did not give the file; the message says why."""

    again: bool
    """Whether another attempt at the same address may help."""
    unreachable: bool
    """Whether there was no connection at all, so that the next file from this server need not be tried."""

    def __init__(self, why: str, *, again: bool = False, unreachable: bool = False) -> None:
        super().__init__(why)
        self.again = again
        self.unreachable = unreachable


def copy_file(source: Path, partial: Path, max_bytes: int | None = None) -> None:
    """Copy a file of this machine. Raises Refused where there is no such file or it has more bytes than `max_bytes`,
    OSError where the disk is full."""
    try:
        stream = source.open("rb")
    except OSError as error:
        raise Refused(error.strerror or str(error)) from None
    with stream, partial.open("wb") as target:
        while block := stream.read(_BLOCK_BYTES):
            _need_room(target, target.tell() + len(block), max_bytes)
            target.write(block)


def download(
    address: str, partial: Path, progress: Progress | None = None, max_bytes: int | None = None
) -> bool:
    """Append to `partial` the bytes it lacks. Returns whether its earlier bytes were kept, in which case they may
    belong to another version of the file.

    What was received before a connection broke stays in `partial`. max_bytes: the size of the whole file; as soon as
    more is announced or sent, nothing is kept. Raises Refused, or OSError where the disk does not take the file.
    """
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise Refused("no http or https address")
    # slow to import, and not needed while everything is in the cache
    import requests
    import urllib3

    with partial.open("ab") as stream:
        kept_bytes = stream.seek(0, os.SEEK_END)
        # a server may compress what it sends; lengths and ranges would then count compressed bytes
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={kept_bytes}-"} if kept_bytes else {})
        _show(progress, kept_bytes)
        try:
            with requests.get(
                address, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS), headers=headers
            ) as response:
                kept_bytes = _begin(response, stream, kept_bytes, progress, max_bytes)
                received = kept_bytes
                for block in response.iter_content(_BLOCK_BYTES):
                    received += len(block)
                    _need_room(stream, received, max_bytes)
                    stream.write(block)
                    if progress is not None:
                        progress.update(len(block))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _refusal(error) from None
        finally:
            if progress is not None:
                progress.close()
    return kept_bytes > 0


def _need_room(stream: BinaryIO, size: int, max_bytes: int | None) -> None:
    """Raise Refused where a file of `size` bytes is larger than it can be, and keep nothing of it."""
    if max_bytes is not None and size > max_bytes:
        stream.truncate(0)
        raise Refused(f"it has more than the {max_bytes:,} bytes of the published file")


def _begin(
    response: requests.Response,
    stream: BinaryIO,
    kept_bytes: int,
    progress: Progress | None,
    max_bytes: int | None,
) -> int:
    """Check the head of the server's answer and prepare the file for its body. Returns how many earlier bytes stay."""
    if response.status_code == 416:  # the partial file is longer than the server's file
        stream.truncate(0)
    if not response.ok:
        raise _http_refusal(response.status_code)
    if response.status_code == 206:
        start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if start is None or int(start[1]) != kept_bytes:
            stream.truncate(0)
            raise Refused("sent another part than was asked for", again=True)
    elif kept_bytes:  # the server does not know ranges, and sends the whole file
        stream.truncate(0)
        kept_bytes = 0
        _show(progress, kept_bytes)
    said = response.headers.get("Content-Length", "")
    length_bytes = int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0
    _need_room(stream, kept_bytes + length_bytes, max_bytes)
    if length_bytes > shutil.disk_usage(Path(stream.name).parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if progress is not None and length_bytes:
        progress.total = kept_bytes + length_bytes
    return kept_bytes


def _show(progress: Progress | None, kept_bytes: int) -> None:
    if progress is not None:
        progress.reset()
        progress.update(kept_bytes)


def _http_refusal(status: int) -> Refused:
    return Refused(f"HTTP {status}", again=status in (408, 416, 429) or status >= 500)


def _refusal(error: Exception) -> Refused:
    """The failure in words. Another attempt may help where there was a connection; where there was none, waiting
    for it twice would double the time until the next address is tried."""
    import requests
    import urllib3.exceptions as cause

    reason = error.args[0] if error.args else None
    if isinstance(reason, cause.MaxRetryError):
        reason = reason.reason
    if isinstance(error, requests.ConnectTimeout):
        return Refused(f"no connection in {CONNECT_SECONDS:g} s", unreachable=True)
    if isinstance(error, requests.Timeout) or isinstance(reason, cause.ReadTimeoutError):
        return Refused(f"no answer in {SILENCE_SECONDS:g} s", again=True)
    if isinstance(error, requests.exceptions.SSLError):
        return Refused("no secure connection")
    if isinstance(error, requests.exceptions.ProxyError):
        return Refused("no connection by the proxy", unreachable=True)
    if isinstance(reason, cause.NewConnectionError):
        return Refused("no connection", unreachable=True)
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return Refused("the connection broke off", again=True)
    return Refused(type(error).__name__, again=True)
