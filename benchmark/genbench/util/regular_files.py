"""Opening files of a folder that may come from a stranger, or that may be damaged: regular files only.

A symbolic link may lead to any file of the reader, a FIFO is never at its end, and /dev/zero has no end at all. The one
function that opens a file here follows no link, waits for nobody, and refuses a file that is larger than its kind can
be. What it refuses is an OSError that says what is there, so that it costs one entry and is named.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO without a writer opens at once, and is refused then
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER_FLAGS = _FLAGS | getattr(os, "O_DIRECTORY", 0)
_CAN_WALK = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class RefusedFileError(OSError):
    """Something else than a regular file of a plausible size. `strerror` says what it is."""


def open_regular(path: Path, *, max_bytes: int, within: Path | None = None) -> BinaryIO:
    """Open a regular file for reading, without following a link and without ever waiting.

    max_bytes: the size beyond which it is refused. within: a folder around `path`, as its user named it: no folder
    between the two may be a symbolic link either, so that what is read lies in it.

    Raises RefusedFileError, and OSError as `open` does (FileNotFoundError where there is none).
    """
    descriptor = _open(path) if within is None else _open_within(path, within)
    try:
        _check(os.fstat(descriptor), path, max_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, *, max_bytes: int, within: Path | None = None) -> bytes:
    """The content of a regular file. See `open_regular`."""
    with open_regular(path, max_bytes=max_bytes, within=within) as file:
        # as much as it has: a buffer for all that it may have would cost more than the reading
        size = min(os.fstat(file.fileno()).st_size, max_bytes)
        content = file.read(size + 1)
        if len(content) > size:  # it has grown since it was opened
            content += file.read(max_bytes + 1 - len(content))
    if len(content) > max_bytes:
        raise _refused(path, _too_large(max_bytes))
    return content


def check_regular(path: Path, *, max_bytes: int, within: Path | None = None) -> int:
    """Raise what `open_regular` raises, for libraries that open a file by its path, and return the size in bytes."""
    with open_regular(path, max_bytes=max_bytes, within=within) as file:
        return os.fstat(file.fileno()).st_size


def _open(
    path: Path | str,
    folder: int | None = None,
    flags: int = _FLAGS,
    whole: Path | None = None,
    inside: Sequence[str] = (),
) -> int:
    """A descriptor of the file or folder. folder: an open folder that `path` is relative to. whole, inside: the path
    and its further parts, for messages."""
    try:
        if not hasattr(os, "O_NOFOLLOW"):
            _check_kind(os.lstat(path), (Path(path) if whole is None else whole).joinpath(*inside))
        return os.open(path, flags, dir_fd=folder) if folder is not None else os.open(path, flags)
    except RefusedFileError:
        raise
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EMLINK):
            raise
        if (found := _kind_at(path, folder)) is None:
            raise
        raise _refused((Path(path) if whole is None else whole).joinpath(*inside), f"is {found}") from None


def _open_within(path: Path, within: Path) -> int:
    whole, around = os.path.abspath(path), os.path.join(os.path.abspath(within), "")
    if not whole.startswith(around):
        raise ValueError(f"{path} does not lie in {within}")
    parts = whole[len(around) :].split(os.sep)
    if not _CAN_WALK:
        if Path(os.path.realpath(path.parent)) != Path(os.path.realpath(within)).joinpath(*parts[:-1]):
            raise _refused(path, f"is reached by a symbolic link that leads out of {within}")
        return _open(path)
    folder = os.open(within, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(parts[:-1], 1):
            inner = _open(part, folder, _FOLDER_FLAGS, within, parts[:number])
            os.close(folder)
            folder = inner
        return _open(parts[-1], folder, whole=path)
    finally:
        os.close(folder)


def _kind_at(path: Path | str, folder: int | None) -> str | None:
    try:
        mode = os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return None
    return next((words for is_kind, words in _KINDS if is_kind(mode)), None)


def _check(found: os.stat_result, path: Path, max_bytes: int) -> None:
    _check_kind(found, path)
    if found.st_size > max_bytes:
        raise _refused(path, _too_large(max_bytes))


def _check_kind(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        what = next((words for is_kind, words in _KINDS if is_kind(found.st_mode)), "no regular file")
        raise _refused(path, f"is {what}")


def _too_large(max_bytes: int) -> str:
    return f"is larger than {max_bytes / 2**20:g} MiB"


def _refused(path: Path, what: str) -> RefusedFileError:
    return RefusedFileError(errno.EINVAL, what, str(path))
