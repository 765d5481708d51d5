"""One address's file into a partial file beside its place: copied, downloaded, or the rest of it downloaded.

Whether it is the right file is for `genbench.datasets.fetching` to judge; here is only what servers and disks do.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
"""To a server that does not answer at all."""
SILENCE_SECONDS = 20.0
"""Of a connection that says nothing; a slow one is waited for."""
_BLOCK_BYTES = 1 << 16


@runtime_checkable
class Progress(Protocol):
    """Whom a download tells how far it is; what pooch asks of a progress bar. `total`, in bytes, is 0 where the
    server does not say."""

    total: int

    def update(self, bytes_more: int) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Refused(Exception):
    """An address did not give the file; the text says why. again: another attempt may help. unreachable: there was
    no connection at all, and there will be none for the next file."""

    def __init__(self, why: str, *, again: bool = False, unreachable: bool = False) -> None:
        super().__init__(why)
        self.again = again
        self.unreachable = unreachable


def copy_file(source: Path, partial: Path) -> None:
    """Raises Refused where there is no such file, OSError where the disk does not take it."""
    try:
        stream = source.open("rb")
    except OSError as error:
        raise Refused(error.strerror or str(error)) from None
    with stream, partial.open("wb") as target:
        shutil.copyfileobj(stream, target, _BLOCK_BYTES)


def download(address: str, partial: Path, progress: Progress | None = None) -> bool:
    """Fetch what `partial` lacks; whether its beginning was kept, so that it may be of another file.

    What was received before a connection broke stays in `partial`. Raises Refused, or OSError where the disk
    does not take it.
    """
    if urllib.parse.urlsplit(address).scheme not in ("http", "https"):
        raise Refused("no http or https address")
    # slow to import, and not needed while everything is in the cache
    import pooch
    import requests
    import urllib3

    with partial.open("ab") as stream:
        rest = _Rest(stream, progress)
        downloader = pooch.HTTPDownloader(
            progressbar=False if progress is None else rest,
            chunk_size=_BLOCK_BYTES,
            timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            headers=rest.headers(),
            hooks={"response": rest.begin},
        )
        try:
            downloader(address, stream, None)
        except requests.HTTPError as error:
            if error.response.status_code == 416:  # what is here is longer than the server's
                stream.truncate(0)
            raise _http_refusal(error.response.status_code) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _refusal(error) from None
    return rest.kept > 0


# ---- inside


class _Rest:
    """A download that goes on where the file ends: what is asked of the server, and of its answer.

    To pooch this is the progress bar; it counts what was there before.
    """

    def __init__(self, stream: BinaryIO, progress: Progress | None) -> None:
        self.kept = stream.seek(0, os.SEEK_END)  # bytes
        self._stream = stream
        self._progress = progress
        self._show_kept()

    def headers(self) -> dict[str, str]:
        # a server may compress on its way what it has as it is; lengths and ranges would be of something else
        headers = {"Accept-Encoding": "identity"}
        if self.kept:
            headers["Range"] = f"bytes={self.kept}-"
        return headers

    def begin(self, response: requests.Response, **_: Any) -> None:
        """Called with the head of each answer, redirections included, before any of its body is read."""
        if response.status_code == 206:
            came = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            if came is None or int(came[1]) != self.kept:
                self._stream.truncate(0)
                raise Refused("sent another part than was asked for", again=True)
        elif response.status_code == 200 and self.kept:  # it knows of no parts, and sends all
            self._stream.truncate(0)
            self.kept = 0
            self._show_kept()
        if response.ok:
            self._check_room(int(response.headers.get("Content-Length", 0)))

    def _check_room(self, length_bytes: int) -> None:
        if length_bytes > shutil.disk_usage(Path(self._stream.name).parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _show_kept(self) -> None:
        if self._progress is not None:
            self._progress.reset()
            self._progress.update(self.kept)

    # ---- what pooch asks of a progress bar

    @property
    def total(self) -> int:
        return 0 if self._progress is None else self._progress.total

    @total.setter
    def total(self, rest_bytes: int) -> None:
        if self._progress is not None:
            self._progress.total = self.kept + rest_bytes if rest_bytes else 0

    def update(self, bytes_more: int) -> None:
        if self._progress is not None:
            self._progress.update(bytes_more)

    def reset(self) -> None:
        self._show_kept()

    def close(self) -> None:
        if self._progress is not None:
            self._progress.close()


def _http_refusal(status: int) -> Refused:
    return Refused(f"HTTP {status}", again=status in (408, 416, 429) or status >= 500)


def _refusal(error: Exception) -> Refused:
    """In words. Another attempt may help where there was a connection; where there was none, waiting for it
    twice would double the time until the next address is tried."""
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
