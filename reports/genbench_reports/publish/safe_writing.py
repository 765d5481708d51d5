"""Writing into a folder that others may have filled: never through a symbolic link, never outside of it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from genbench.datasets import write_atomically
from genbench.errors import RunFolderError
from genbench.util.regular_files import read_regular

_MAX_BYTES = 1 << 30
"""A larger file is written anew without being compared."""


def write_within(folder: Path, relative: str, content: bytes, *, replace: bool = True) -> bool:
    """Write a file of the folder, and say whether that changed anything. A file with this content stays untouched.

    relative: its path inside the folder, with "/". replace: False leaves any regular file of that name as it is.

    Raises RunFolderError where a part of the path is a symbolic link or leads out, and where it cannot be written.
    """
    parts = PurePosixPath(relative).parts
    if not parts or any(part in ("..", "/") or "\\" in part or "\0" in part for part in parts):
        raise RunFolderError(f"{relative!r} is no path inside {folder}")
    path = folder
    try:
        for part in parts[:-1]:
            path = path / part
            if path.is_symlink():
                raise RunFolderError(f"{path} is a symbolic link; nothing is written through one")
            path.mkdir(exist_ok=True)
        path = path / parts[-1]
        if path.is_symlink():
            raise RunFolderError(f"{path} is a symbolic link; nothing is written through one")
        if path.exists() and (not replace or _content(path, folder) == content):
            return False
        write_atomically(path, content)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}") from None
    return True


def _content(path: Path, folder: Path) -> bytes | None:
    try:
        return read_regular(path, max_bytes=_MAX_BYTES, within=folder)
    except OSError:
        return None
