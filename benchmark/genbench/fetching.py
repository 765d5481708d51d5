"""The one door to the network: published files, fetched once, checked, kept for every data set and worker.

A file lies in the cache under its name only when it is whole and its sha256 is right. Before that it is a
`.partial` beside it; what turns out to be something else is kept as `.rejected` for a look, and never used.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import time
import urllib.parse
from pathlib import Path
from typing import Protocol, runtime_checkable

from filelock import FileLock

from genbench.cards import DatasetCard, RemoteFile
from genbench.data_cache import cache_folder
from genbench.errors import DataError

MIRROR_VARIABLE = "GENBENCH_MIRROR"
TIMEOUT_SECONDS = 20.0
"""Of a connection that says nothing."""
ATTEMPTS = 2
_PAUSE_SECONDS = 0.5
_BLOCK_BYTES = 1 << 20


@runtime_checkable
class Progress(Protocol):
    """Whom a download tells how far it is; what pooch asks of a progress bar."""

    total: int

    def update(self, bytes_more: int) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def file_path(file: RemoteFile) -> Path:
    """Where it lies, or will lie."""
    return cache_folder() / "files" / file.name


def is_cached(file: RemoteFile) -> bool:
    """Whether it is in the cache; its size alone is looked at (see `verify`)."""
    try:
        return file_path(file).stat().st_size == file.size_bytes
    except OSError:
        return False


def missing_files(card: DatasetCard) -> list[RemoteFile]:
    return [file for file in card.files if not is_cached(file)]


def verify(file: RemoteFile) -> bool:
    """Read the cached file again: whether it still has its sha256. A file that does not is set aside."""
    path = file_path(file)
    if not path.exists():
        return False
    if sha256_of(path) == file.sha256:
        return True
    _set_aside(path)
    return False


def fetch(file: RemoteFile, progress: Progress | None = None, unreachable: set[str] | None = None) -> Path:
    """The path of the file, downloaded where it is not in the cache yet.

    Of two processes that want the same file one fetches and the other waits. unreachable: hosts to which there
    is no connection; they are not tried, and those found out are added, so that many files without a network do
    not wait as often. Raises DataError, in one line that says what was tried.
    """
    path = file_path(file)
    if is_cached(file):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(path.name + ".lock")):
            if not is_cached(file):
                _fetch_from_any(file, path, progress, set() if unreachable is None else unreachable)
    except OSError as error:
        raise DataError(_about_the_disk(error, file, path)) from None
    return path


def addresses_of(file: RemoteFile) -> list[str]:
    """The mirror's, where there is one, else those it is published at."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return list(file.addresses)
    if "://" in mirror:
        return [f"{mirror.rstrip('/')}/{urllib.parse.quote(file.name)}"]
    return [str(Path(mirror).expanduser() / file.name)]


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# ---- inside


class _Refused(Exception):
    """An address did not give the file; the text says why. again: another attempt may help. unreachable: there is no
    connection to its host."""

    def __init__(self, why: str, *, again: bool = False, unreachable: bool = False) -> None:
        super().__init__(why)
        self.again = again
        self.unreachable = unreachable


def _fetch_from_any(file: RemoteFile, path: Path, progress: Progress | None, unreachable: set[str]) -> None:
    tried: list[str] = []
    for address in addresses_of(file):
        host = urllib.parse.urlsplit(address).netloc if "://" in address else ""
        if host in unreachable:
            tried.append(f"{address} (no connection)")
            continue
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            try:
                _fetch_from(address, file, path, progress)
                return
            except _Refused as refusal:
                if attempt == ATTEMPTS - 1 or not refusal.again:
                    tried.append(f"{address} ({refusal})")
                    if refusal.unreachable:
                        unreachable.add(host)
                    break
    hint = (
        f"{MIRROR_VARIABLE} is set; has it the file?"
        if os.environ.get(MIRROR_VARIABLE)
        else f"without a network, set {MIRROR_VARIABLE} to a folder or an address that has it"
    )
    raise DataError(f"cannot fetch {file.name}: tried {'; '.join(tried) or 'nothing'}; {hint}")


def _fetch_from(address: str, file: RemoteFile, path: Path, progress: Progress | None) -> None:
    partial = path.with_name(path.name + ".partial")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()  # of a process that was killed: begun again
    try:
        if "://" in address:
            _download(address, partial, progress)
        else:
            _copy(Path(address), partial)
        found = sha256_of(partial)
        if found != file.sha256:
            size = partial.stat().st_size
            aside = _set_aside(partial, path)
            cut = size < file.size_bytes
            what = f"sha256 {found[:12]}…, expected {file.sha256[:12]}…"
            if cut:
                what = f"{size} of {file.size_bytes} bytes"
            raise _Refused(f"{what}; kept for a look as {aside}", again=cut)
        os.replace(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _copy(source: Path, partial: Path) -> None:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise _Refused(error.strerror or str(error)) from None
    with stream, partial.open("wb") as target:
        shutil.copyfileobj(stream, target, _BLOCK_BYTES)


def _download(address: str, partial: Path, progress: Progress | None) -> None:
    # slow to import, and not needed while everything is in the cache
    import pooch
    import requests
    import urllib3

    downloader = pooch.HTTPDownloader(progressbar=progress or False, timeout=TIMEOUT_SECONDS)
    try:
        downloader(address, str(partial), None)
    except requests.HTTPError as error:
        status = error.response.status_code
        raise _Refused(f"HTTP {status}", again=status >= 500) from None
    except requests.exceptions.ChunkedEncodingError:
        raise _Refused("the connection broke off", again=True) from None
    except requests.ConnectTimeout:
        raise _Refused("no connection", again=True, unreachable=True) from None
    except requests.Timeout:
        raise _Refused(f"no answer in {TIMEOUT_SECONDS:g} s", again=True) from None
    except requests.ConnectionError:
        raise _Refused("no connection", again=True, unreachable=True) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Refused(type(error).__name__, again=True) from None


def _set_aside(path: Path, name: Path | None = None) -> Path:
    aside = (name or path).with_name((name or path).name + ".rejected")
    os.replace(path, aside)
    return aside


def _about_the_disk(error: OSError, file: RemoteFile, path: Path) -> str:
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(path.parent).free
        return (
            f"cannot fetch {file.name}: no space on the disk of {path.parent}"
            f" ({file.size_bytes / 1e6:.0f} MB wanted, {free / 1e6:.0f} MB free)"
        )
    why = error.strerror or str(error)
    return (
        f"cannot keep {file.name} in {path.parent}: {why}; set GENBENCH_DATA to a folder that can be written"
    )
