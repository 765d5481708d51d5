"""Downloads published files into the cache, once for all data sets and workers.

A file has its name in the cache only once it is complete and its checksum is right. Until then its name ends in
`.partial`, and a later attempt continues it. A complete file with another checksum gets the ending `.rejected`, so that
the user can look at it, and is never used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from genbench.api.cards import DatasetCard, RemoteFile
from genbench.datasets.downloading import Progress, Refused, copy_file, download
from genbench.errors import DataError
from genbench.util.cache_folder import cache_folder
from genbench.util.checksums import checksum_of, parse_checksum
from genbench.util.redaction import redacted

MIRROR_VARIABLE = "GENBENCH_MIRROR"
ATTEMPTS = 3
"""Attempts at each address. One that downloaded a good piece of the file does not count."""
_PAUSE_SECONDS = 0.5
_GOOD_PIECE_BYTES = 1 << 20


def file_path(file: RemoteFile) -> Path:
    """The path of the file in the cache, whether or not it exists."""
    return cache_folder() / "files" / file.name


def is_cached(file: RemoteFile) -> bool:
    """Whether the file is in the cache. Only its size is compared, if it is known; `verify` compares the checksum."""
    path = file_path(file)
    try:
        return path.is_file() if file.size_bytes is None else path.stat().st_size == file.size_bytes
    except OSError:
        return False


def size_bytes(file: RemoteFile) -> int | None:
    """The published size, else that of the file in the cache; None where neither is known."""
    if file.size_bytes is None and is_cached(file):
        return _size(file_path(file))
    return file.size_bytes


def missing_files(card: DatasetCard) -> list[RemoteFile]:
    """The data set's files that are not in the cache."""
    return [file for file in card.files if not is_cached(file)]


def verify(file: RemoteFile) -> bool:
    """Whether the cached file exists and has its checksum. A file with another one is renamed to `.rejected`."""
    path = file_path(file)
    if not path.exists():
        return False
    expected = parse_checksum(file.checksum)
    if checksum_of(path, expected.algorithm) == expected:
        return True
    _set_aside(path)
    return False


def fetch(
    file: RemoteFile, progress: Progress | None = None, unreachable: dict[str, str] | None = None
) -> Path:
    """The path of the file, which is downloaded if it is not in the cache.

    Where two processes want the same file, one downloads it and the other waits. unreachable: servers that are not to
    be tried, with the reason; a server that turns out to be unreachable is added. Raises DataError, whose line says
    what was tried.
    """
    path = file_path(file)
    if is_cached(file):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(path.name + ".lock")):
            if not is_cached(file):
                _fetch_from_any(file, path, progress, {} if unreachable is None else unreachable)
    except OSError as error:
        raise DataError(_about_the_disk(error, file, path)) from None
    return path


def addresses_of(file: RemoteFile) -> list[str]:
    """The file's address in the mirror if one is set, else those that its publisher gives."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return list(file.addresses)
    if mirror.startswith("file://"):
        mirror = urllib.request.url2pathname(urllib.parse.urlsplit(mirror).path)
    if "://" in mirror:
        return [f"{mirror.rstrip('/')}/{urllib.parse.quote(file.name)}"]
    return [str(Path(mirror).expanduser() / file.name)]


def whence() -> str:
    """Where missing files are downloaded from, in words."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    return f"the mirror {redacted(mirror)}" if mirror else "where it is published"


def not_in_mirror(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The files that are missing from the mirror, if it is a folder on this machine. Servers are not asked."""
    places = [(file, addresses_of(file)[0]) for file in files if os.environ.get(MIRROR_VARIABLE)]
    return [file for file, place in places if "://" not in place and not Path(place).is_file()]


# ---- internals


def _fetch_from_any(
    file: RemoteFile, path: Path, progress: Progress | None, unreachable: dict[str, str]
) -> None:
    tried: list[str] = []
    for address in addresses_of(file):
        server = urllib.parse.urlsplit(address).netloc
        if server not in unreachable:
            try:
                _fetch_from(address, file, path, progress)
                return
            except Refused as refusal:
                tried.append(f"{redacted(address)} ({refusal})")
                if refusal.unreachable:
                    unreachable[server] = str(refusal)
        else:
            tried.append(f"{redacted(address)} ({unreachable[server]})")
    hint = (
        f"{MIRROR_VARIABLE} is set; does it hold the file?"
        if os.environ.get(MIRROR_VARIABLE)
        else f"without a network, set {MIRROR_VARIABLE} to a folder or an address that holds it"
    )
    raise DataError(f"cannot fetch {file.name}: tried {'; '.join(tried) or 'nothing'}; {hint}")


def _fetch_from(address: str, file: RemoteFile, path: Path, progress: Progress | None) -> None:
    """Try up to `ATTEMPTS` times, with a pause between attempts. Raises Refused."""
    partial = _partial(path)
    failures = 0
    while True:
        had = _size(partial)
        try:
            _try_once(address, file, path, progress)
            return
        except Refused as refusal:
            failures = 0 if _size(partial) - had >= _GOOD_PIECE_BYTES else failures + 1
            if _size(partial) == 0:
                partial.unlink(missing_ok=True)
            if failures == ATTEMPTS or not refusal.again:
                raise
        time.sleep(_PAUSE_SECONDS)


def _try_once(address: str, file: RemoteFile, path: Path, progress: Progress | None) -> None:
    partial = _partial(path)
    pieced = True
    try:
        if "://" not in address:
            copy_file(Path(address), partial, file.size_bytes)
            pieced = False
        elif file.size_bytes is None or _size(partial) < file.size_bytes:
            pieced = download(address, partial, progress, file.size_bytes)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()  # it may have filled the disk
        raise
    expected = parse_checksum(file.checksum)
    found = checksum_of(partial, expected.algorithm)
    if found != expected:
        size = _size(partial)
        if pieced:
            partial.unlink()
            raise Refused("the rest of the file did not fit the part that was here", again=True)
        aside = _set_aside(partial, path)
        short = file.size_bytes is not None and size < file.size_bytes
        what = f"{size} of {file.size_bytes} bytes" if short else f"{found}, expected {expected}"
        raise Refused(f"{what}; renamed to {aside}", again=short)
    os.replace(partial, path)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _size(path: Path) -> int:
    """In bytes; 0 where there is no such file."""
    return path.stat().st_size if path.exists() else 0


def _set_aside(path: Path, name: Path | None = None) -> Path:
    aside = (name or path).with_name((name or path).name + ".rejected")
    os.replace(path, aside)
    return aside


def _about_the_disk(error: OSError, file: RemoteFile, path: Path) -> str:
    if error.errno == errno.ENOSPC:
        free = f"{shutil.disk_usage(path.parent).free / 1e6:.1f} MB free"
        wanted = "" if file.size_bytes is None else f"{file.size_bytes / 1e6:.1f} MB wanted, "
        return f"cannot fetch {file.name}: no space on the disk of {path.parent} ({wanted}{free})"
    why = error.strerror or str(error)
    return (
        f"cannot keep {file.name} in {path.parent}: {why}; set GENBENCH_DATA to a folder that can be written"
    )
