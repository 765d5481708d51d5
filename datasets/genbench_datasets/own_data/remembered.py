"""Cards of own data, kept in the cache: files that nobody touched are not read again to plan.

A card is found again where every file has the size, the times and the inode that it had. Times have a grain, and
a file that was changed in the very moment in which it was read may look untouched: so nothing is kept of files
that are younger than that grain.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from genbench import DatasetCard
from genbench.data_cache import cache_folder, prepared_path
from genbench.source_hash import source_hash
from genbench_datasets.own_data.request import Request

SETTLED_SECONDS = 2.0
"""The coarsest grain of the times of files: FAT's."""


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """state: of the files and of the code that reads them."""

    state: str
    card: DatasetCard


class Memory:
    """What is remembered of one request. module: that of the reader."""

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
        """Keep it, unless a file is new or changed while it was read. A cache that cannot be written costs time."""
        if self._look() != self._state or self._youngest() > time.time() - SETTLED_SECONDS:
            return
        temporary = self._path.with_name(f".{self._path.name}.{uuid.uuid4().hex}")
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(_Record(state=self._state, card=card)))
            os.replace(temporary, self._path)

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
