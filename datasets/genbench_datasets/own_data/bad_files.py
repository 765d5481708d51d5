"""`bad=skip`: a folder with a few bad files is read without them, and every place that says what was read says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from genbench.errors import DataError
from genbench_datasets.own_data.located import LocatedError
from genbench_datasets.own_data.own_data import listed
from genbench_datasets.own_data.request import Request

OPTION = {"bad": "refuse"}
"""The option and its default, for readers of folders."""
_Read = TypeVar("_Read")


@dataclass
class BadFiles:
    """The files of a folder that were left out, in the order in which they were found to be bad."""

    skipped: bool = False
    """Whether bad files are left out; otherwise the first of them is an error."""
    names: list[str] = field(default_factory=list)
    """What the files that were left out are called: paths."""
    reasons: list[str] = field(default_factory=list)
    """For each of them a line that names it and says what is wrong."""

    @classmethod
    def asked(cls, request: Request) -> BadFiles:
        """As the option `bad` says. Raises UnknownNameError."""
        return cls(request.choice("bad", ("refuse", "skip")) == "skip")

    def read(self, name: str, read: Callable[[], _Read]) -> _Read | None:
        """What `read` makes of the file of that name, or None where it is bad and skipped. Raises LocatedError,
        OSError."""
        try:
            return read()
        except LocatedError as error:
            if not self.skipped:
                raise
            reason = str(error)
        except OSError as error:
            if not self.skipped:
                raise
            reason = f"{name}: cannot be read: {error.strerror or error}"
        self.names.append(name)
        self.reasons.append(reason)
        return None

    def need_others(self, count: int) -> None:
        """Raise LocatedError or DataError where none of `count` files is left."""
        if len(self.names) == count == 1:
            raise LocatedError(self.reasons[0])
        if len(self.names) == count:
            raise DataError(f"all {count:,} files are bad; the first: {self.reasons[0]}")

    def words(self) -> str:
        """For the card: how many were skipped, and which; empty where there are none."""
        if not self.names:
            return ""
        many = "s" * (len(self.names) > 1)
        return f"; {len(self.names):,} bad file{many} skipped: {listed([Path(name).name for name in self.names])}"

    def warnings(self) -> tuple[str, ...]:
        """A line for each that was skipped."""
        return tuple(f"{reason}; skipped" for reason in self.reasons)
