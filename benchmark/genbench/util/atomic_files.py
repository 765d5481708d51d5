"""Writing a file so that other processes see either the whole of it or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# mkstemp and safetensors make files that only their owner can read; run folders and caches are shared
_MODE = 0o644
_UNSUPPORTED = {
    errno.EPERM,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.EMLINK,
    errno.ENOTTY,
}
"""What file systems say of operations that they do not have."""


def write_atomically(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write `content` to `path`, and to the disk before the name appears.

    Whenever the process is killed, `path` holds what it held before or all of `content`.

    replace: False leaves a file that is there already as it is, so that the first of several writers wins.
    Raises OSError where the file cannot be written.
    """
    with atomic_path(path, replace=replace) as partial, partial.open("wb") as file:
        file.write(content)
        file.flush()
        with tolerated():
            os.fsync(file.fileno())


@contextmanager
def atomic_path(path: Path, *, replace: bool = True, partial_folder: Path | None = None) -> Iterator[Path]:
    """Yield a path to write to. It takes the name `path` when the block ends, and is removed if the block raises.

    replace: see `write_atomically`. partial_folder: where the unfinished file lies, on the same file system as `path`;
    None is the folder of `path`. It is made where it does not exist.
    """
    folder = path.parent if partial_folder is None else partial_folder
    if partial_folder is not None:
        partial_folder.mkdir(parents=True, exist_ok=True)
    # no other process or thread has this name
    partial = folder / f".{path.name}.{uuid.uuid4().hex}"
    try:
        yield partial
        if replace:
            with tolerated():
                partial.chmod(_MODE)
            os.replace(partial, path)
        else:
            _name_unless_taken(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextmanager
def tolerated() -> Iterator[None]:
    """For what a file system may lack: permissions, hard links, writing through to the disk. Other errors are
    raised."""
    try:
        yield
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _name_unless_taken(partial: Path, path: Path) -> None:
    """Give the finished file the name `path` unless there is a file of that name.

    On a file system without hard links (FAT, exFAT, some of SMB and FUSE) two writers at the very same moment may both
    give it, and the later file stays. Whoever holds a lease is alone.
    """
    try:
        with tolerated():
            partial.chmod(_MODE)
        os.link(partial, path)
    except FileExistsError:
        pass
    except FileNotFoundError:  # another process found a result in place, and removed this unfinished file
        if not path.exists():
            raise
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        if not os.path.lexists(path):
            os.replace(partial, path)
