"""Errors whose text says where something is wrong."""

from __future__ import annotations

from pathlib import Path

from genbench.errors import DataError


class LocatedError(DataError):
    """Its text names the file that is wrong. Other DataErrors are about the request as a whole."""


class BadFile(LocatedError):
    """The file or folder `path` is wrong; `what` says why."""

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path}: {what}")
