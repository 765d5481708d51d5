"""The error that names a file."""

from __future__ import annotations

from pathlib import Path

from genbench.errors import DataError


class BadFile(DataError):
    """`what` is wrong with the file or folder `path`. Other DataErrors are about the whole of what was asked for."""

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path}: {what}")
