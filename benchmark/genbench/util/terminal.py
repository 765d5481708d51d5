"""What is printed on a terminal comes partly from strangers: names, reasons, paths, lines of logs. A terminal acts on
control characters: it may be told to hide text, to answer with text that a shell then runs, or to set its title.

Nothing but what we mean reaches a terminal: `guard_terminals` replaces the standard streams, so that plain prints show
control characters as escapes, and `SafeConsole` does the same for the text that rich prints, whose own sequences for
colours and the cursor pass.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""All but line ends and tabs, and the characters that reorder a line."""


def printable(text: str) -> str:
    r"""The text with escapes such as \x1b in place of control characters, and with its line ends and tabs."""
    if _CONTROL.search(text) is None:
        return text
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


class SafeConsole(Console):
    """A console of rich that shows control characters of what it prints as escapes."""

    @property
    def file(self) -> Any:  # a text stream; those of tests and notebooks are no subclasses of IO
        """Where it writes: the stream below all proxies. While a live view is shown there are two, rich's own, which
        prints above the view, and the one of `guard_terminals`, which would escape the view's sequences."""
        found = super().file
        while (inner := getattr(found, "rich_proxied_file", None)) is not None:
            found = inner
        return found

    @file.setter
    def file(self, new_file: Any) -> None:
        self._file = new_file

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control or _CONTROL.search(segment.text) is None:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


class _SafeStream:
    """A text stream to a terminal."""

    def __init__(self, terminal: TextIO) -> None:
        self.rich_proxied_file = terminal
        """By this name rich finds the stream that takes its own sequences."""

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def guard_terminals() -> None:
    """Make the standard streams safe that lead to a terminal."""
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = cast(TextIO, _SafeStream(sys.stdout))
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr = cast(TextIO, _SafeStream(sys.stderr))
