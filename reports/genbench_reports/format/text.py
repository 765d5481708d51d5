"""Text from plugins and logs (names, reasons, log lines), made safe to print on one line. None of it is trusted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from genbench.records.run_paths import MAX_LOG_BYTES, run_folder_of
from genbench.util.regular_files import open_regular

MISSING = "—"
"""What tables show where there is no value."""
_NOT_IN_FILE_NAMES = re.compile(r"[^\w.=-]+")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def clean(text: str) -> str:
    """One line without control characters, terminal sequences or characters that reorder the line."""
    if text.isprintable():  # nearly always, and then without ESC
        return " ".join(text.split())
    printable = "".join(character if character.isprintable() else " " for character in _ANSI.sub("", text))
    return " ".join(printable.split())


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of the cleaned text."""
    cleaned = clean(text)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1].rstrip() + "…"


def file_name(text: str) -> str:
    """The text with everything replaced that does not belong into the name of a file."""
    return _NOT_IN_FILE_NAMES.sub("_", text)


def superscript(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def plural(count: int, noun: str) -> str:
    """ "1 seed", "3 seeds"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def named(names: Sequence[str], most: int = 3) -> str:
    """ "a, b and c"; of more than `most` names the first ones, and how many others there are. Cleaned."""
    shown = [clean(name) for name in names]
    if len(shown) > most:
        shown = [*shown[: most - 1], plural(len(names) - most + 1, "other")]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else ""


LOG_LINES = 20
"""How many lines of a log are shown."""
_MAX_TAIL_BYTES = 65_536
"""How much of a log is read."""


def log_tail(path: Path, lines: int = LOG_LINES) -> list[str]:
    """The last lines of a log of any size, cleaned; empty where there is no log, or what is there is no file of the
    run."""
    try:
        with open_regular(path, max_bytes=MAX_LOG_BYTES, within=run_folder_of(path)) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _MAX_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # the indentation is kept for tracebacks; everything else that moves the cursor is removed
    return [
        " " * (len(line) - len(line.lstrip(" "))) + clean(line) for line in text.splitlines() if line.strip()
    ][-lines:]
