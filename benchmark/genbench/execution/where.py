"""Where a worker's Python stood when its time was up: it writes its stack into its log, and the reason names the
innermost place."""

from __future__ import annotations

import re
import signal
from pathlib import PurePath

WHERE: signal.Signals | None = getattr(signal, "SIGUSR2", None)
"""The signal at which a worker writes its stack; None on systems without it."""
WRITING_SECONDS = 0.3
"""How long a worker gets for that."""
MAX_DUMP_BYTES = 1 << 16
"""How much of the output after the signal is searched for the stack."""
_STACK = re.compile(r"(?:Current thread|Stack)[^\n]*\n((?:  File [^\n]*\n)+)")
_FRAME = re.compile(r'  File "(?P<file>[^"]*)", line (?P<line>\d+) in (?P<name>[^\n]*)')


def place_in(output: str) -> str | None:
    """The innermost place of the stack in a worker's output, as in "model.py:12 in fit"; if that is in an installed
    package, with the innermost one that is not. None if there is no stack."""
    stacks = _STACK.findall(output)
    frames = list(_FRAME.finditer(stacks[-1])) if stacks else []
    if not frames:
        return None
    own = next((frame for frame in frames if _is_own(frame["file"])), frames[0])
    return _words(frames[0]) if own is frames[0] else f"{_words(frames[0])}, called from {_words(own)}"


def _is_own(file: str) -> bool:
    parts = PurePath(file).parts
    return "site-packages" not in parts and not any(part.startswith("python3") for part in parts)


def _words(frame: re.Match[str]) -> str:
    return f"{PurePath(frame['file']).name}:{frame['line']} in {frame['name']}"
