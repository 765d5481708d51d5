"""Errors whose text says where something is wrong."""

from __future__ import annotations

from pathlib import Path

from genbench.errors import DataError


def printable(text: str) -> str:
    """The text in one line, with escapes in place of what a terminal would act upon."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class LocatedError(DataError):
    """Its text names the file that is wrong. Other DataErrors are about the request as a whole."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


class BadFile(LocatedError):
    """The file or folder `path` is wrong; `what` says why."""

    def __init__(self, path: Path | str, what: str) -> None:
        super().__init__(f"{path}: {what}")
