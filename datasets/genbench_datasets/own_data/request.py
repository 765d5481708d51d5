"""What follows the colon of `csv:PATH?key=value&key=value`, read and checked."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote

from genbench.errors import UnknownNameError, UsageError
from genbench_datasets.own_data.located import BadFile, printable

MAX_LEVELS = 2**31
_MAX_DIGITS = 18


@dataclass(frozen=True)
class Request:
    """One `-d csv:PATH?key=value`, taken apart."""

    scheme: str
    """What stands before the colon: "csv"."""
    argument: str
    """All that follows the colon."""
    place: str
    """The path or name in it."""
    options: Mapping[str, str]
    """All options, set or by default, as they were typed: a comma within a name is still "%2C"."""

    @classmethod
    def parse(cls, scheme: str, argument: str, defaults: Mapping[str, str]) -> Request:
        """Raises UnknownNameError where an option is none of `defaults`, UsageError where it is set twice."""
        place, _, query = argument.rpartition("?") if "?" in argument else (argument, "", "")
        if exists(user_path(argument)):  # a path may hold a question mark
            place, query = argument, ""
        if not place:
            raise UsageError(f"{printable(f'{scheme}:{argument}')}: of which file or folder? {scheme}:PATH")
        chosen: dict[str, str] = {}
        for setting in filter(None, query.split("&")):
            key, equals, value = setting.partition("=")
            if key not in defaults:
                raise UnknownNameError(f"option of {scheme}", key, defaults)
            if not equals or not value:
                raise UsageError(f"{printable(f'{scheme}:{argument}')}: {key} needs a value, {key}=...")
            if key in chosen:
                raise UsageError(f"{printable(f'{scheme}:{argument}')}: {key} is set twice")
            chosen[key] = value
        return cls(scheme, argument, place, {**defaults, **chosen})

    @property
    def name(self) -> str:
        return f"{self.scheme}:{self.argument}"

    @property
    def shown(self) -> str:
        """The name in one line, for errors."""
        return printable(self.name)

    def text(self, key: str) -> str:
        return unquote(self.options[key])

    def names(self, key: str) -> tuple[str, ...]:
        """Names with commas between; a comma within one is typed %2C."""
        return tuple(unquote(name) for name in self.options[key].split(",") if name)

    def whole(self, key: str, minimum: int) -> int | None:
        """A whole number, or None where the option is empty. Raises UsageError."""
        text = self.text(key)
        if not text:
            return None
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if not (is_number and int(text) >= minimum):
            raise UsageError(
                f"{self.shown}: {key}={printable(text[:40])}: expected a whole number, {minimum} or more"
            )
        return int(text)

    def levels(self) -> int | None:
        """The value of `levels=K`, or None where it is not set. Raises UsageError."""
        levels = self.whole("levels", 2)
        if levels is not None and levels > MAX_LEVELS:
            raise UsageError(
                f"{self.name}: levels={levels}: at most {MAX_LEVELS:,}, which 32-bit integers hold"
            )
        return levels

    def required(self, key: str, minimum: int) -> int:
        """A whole number, for an option that has a default. Raises UsageError."""
        number = self.whole(key, minimum)
        assert number is not None
        return number

    def choice(self, key: str, known: Sequence[str]) -> str:
        text = self.text(key)
        if text not in known:
            raise UnknownNameError(f"{key} of {self.scheme}", text, known)
        return text

    def path(self) -> Path:
        """Raises BadFile where there is nothing."""
        path = user_path(self.place)
        if not exists(path):
            raise BadFile(path, f"no such file or folder{_nearest(path)}")
        return path

    def file(self) -> Path:
        path = self.path()
        if not path.is_file():
            what = "a folder" if path.is_dir() else "no regular file"
            raise BadFile(path, f"is {what}; {self.scheme} takes a file")
        return path

    def folder(self) -> Path:
        path = self.path()
        if not path.is_dir():
            raise BadFile(path, f"is a file; {self.scheme} takes a folder")
        return path


def user_path(typed: str) -> Path:
    """With the user's home in place of ~, if there is one."""
    try:
        return Path(typed).expanduser()
    except RuntimeError:
        return Path(typed)


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; there is none of a name that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def files_below(folder: Path, patterns: Sequence[str] = ("*",)) -> list[Path]:
    """All files, folders within folders too, whose name (in lower case) has one of the patterns; in the order of
    their paths. Hidden files, and those that operating systems leave in folders, are skipped."""
    found = sorted(
        path for path in _walk(folder, set()) if any(fnmatch(path.name.lower(), each) for each in patterns)
    )
    for path in found:
        if path.exists() and not path.is_file():  # a FIFO would be waited for
            raise BadFile(path, "is no regular file")
    return found


_LEFT_BY_SYSTEMS = {"thumbs.db", "desktop.ini", "__macosx"}


def _walk(folder: Path, above: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:  # a link to a folder that contains it
        return
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise BadFile(folder, f"cannot be read: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _LEFT_BY_SYSTEMS:
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {real})
        else:
            yield Path(entry.path)


def _nearest(path: Path) -> str:
    try:
        beside = os.listdir(path.parent)
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""
