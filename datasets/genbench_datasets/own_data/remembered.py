"""Cards of own data, kept in the cache, so that planning does not read unchanged files again.

A card is used again where every file has the size, the times and the inode that it had. Times have a limited
resolution, and a file that is changed in the moment in which it is read may look unchanged: so no card is kept of
files younger than that resolution.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from genbench import DatasetCard
from genbench.datasets import cache_folder, prepared_path, source_hash, write_atomically
from genbench_datasets.own_data.request import Request

SETTLED_SECONDS = 2.0
"""The coarsest resolution of file times: FAT's."""


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """A card, and what it was made from."""

    state: str
    """A hash of the states of the files and of the code that reads them."""
    card: DatasetCard
    """The card that was made from them."""


class Memory:
    """The card that is kept for one request. module: of the reader."""

    def __init__(self, request: Request, files: Sequence[Path], module: str) -> None:
        where = os.path.abspath(os.path.expanduser(request.place))
        key = hashlib.sha256(f"{request.name}\0{where}".encode()).hexdigest()[:24]
        self._path = cache_folder() / "own" / f"{key}.json"
        self._files = files
        self._module = module
        self._state = self._look()

    def card(self) -> DatasetCard | None:
        """The card of these very files, if their prepared data set is there too."""
        try:
            record = msgspec.json.decode(self._path.read_bytes(), type=_Record)
        except (OSError, msgspec.DecodeError):
            return None
        found = record.state == self._state and prepared_path(record.card).exists()
        return record.card if found else None

    def keep(self, card: DatasetCard) -> None:
        """Keep it, unless a file is new or changed while it was read. A cache that cannot be written only costs
        time."""
        if self._look() != self._state or self._youngest() > time.time() - SETTLED_SECONDS:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.encode(_Record(state=self._state, card=card)))

    def _look(self) -> str:
        digest = hashlib.sha256(source_hash(f"{self._module}:card").encode())
        for file in self._files:
            about = _stat(file)
            seen = about and (about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
            digest.update(f"{file}\0{seen}\n".encode(errors="surrogateescape"))
        return digest.hexdigest()

    def _youngest(self) -> float:
        found = [about for file in self._files if (about := _stat(file)) is not None]
        return max((max(about.st_mtime, about.st_ctime) for about in found), default=0.0)


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None
