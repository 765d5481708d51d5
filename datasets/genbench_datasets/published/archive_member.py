"""One file of a tar archive, read while it is unpacked: it is never whole in memory, and nothing is written to disk."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import cast

from genbench.errors import DataError


@contextmanager
def open_member(path: Path, name: str) -> Iterator[tuple[BufferedIOBase, int]]:
    """The bytes of the file `name` in the archive, to be read once from beginning to end, and how many there are.

    A link is not followed. Raises DataError where there is no such file, or where the archive turns out to be
    broken while it is read.
    """
    try:
        with tarfile.open(path) as archive:
            yield _find(archive, path, name)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not the archive it should be: {error}") from None


def _find(archive: tarfile.TarFile, path: Path, name: str) -> tuple[BufferedIOBase, int]:
    # in the order of the archive: asking it for a name would read all of it first
    for member in archive:
        if member.name.removeprefix("./") == name:
            if not member.isreg():
                raise DataError(f"{path}: {name} is no regular file")
            return cast("BufferedIOBase", archive.extractfile(member)), member.size
    raise DataError(f"{path}: holds no {name}")
