"""Text that others wrote (names, reasons, logs), made safe to print on one line. Never trusted anywhere."""

from __future__ import annotations

import os
import re
from pathlib import Path

MISSING = "—"
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def clean(text: str) -> str:
    """One line without control characters, terminal sequences or characters that reorder the line."""
    printable = "".join(character if character.isprintable() else " " for character in _ANSI.sub("", text))
    return " ".join(printable.split())


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters of the cleaned text."""
    cleaned = clean(text)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1].rstrip() + "…"


def superscript(number: int) -> str:
    return str(number).translate(_SUPERSCRIPTS)


def plural(count: int, noun: str) -> str:
    """ "1 seed", "3 seeds"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


LOG_LINES = 20


_LOG_BYTES = 65_536


def log_tail(path: Path, lines: int = LOG_LINES) -> list[str]:
    """The last lines, cleaned; a log may be of any size. Empty where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # indentation tells a traceback's lines apart; anything else that moves the cursor goes
    return [
        " " * (len(line) - len(line.lstrip(" "))) + clean(line) for line in text.splitlines() if line.strip()
    ][-lines:]
