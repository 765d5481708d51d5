"""Errors that say where."""

from __future__ import annotations

from pathlib import Path

from genbench.errors import DataError


class LocatedError(DataError):
    """Its text says which file it is about. Other DataErrors are about the whole of what was asked for."""


class BadFile(LocatedError):
    """`what` is wrong with the file or folder `path`."""

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path}: {what}")
