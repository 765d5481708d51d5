"""Ctrl-C in the first tenths of a second of the command line, while the program is still imported.

Imports nothing of genbench, because this is what runs first.
"""

from __future__ import annotations

import os
import signal
import sys

_SCRIPTS = ("genai-bench", "genbench")


def react_early() -> None:
    """If this process is the command line, an interrupt ends it from now on with one word and without a traceback.
    Nothing happens in a program that imports genbench."""
    is_script = os.path.basename(sys.argv[0] if sys.argv else "").removesuffix(".exe") in _SCRIPTS
    is_module = sys.orig_argv[1:3] == ["-m", "genbench"]
    if (is_script or is_module) and signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def react_normally() -> None:
    """From now on an interrupt raises KeyboardInterrupt again, which the command handles."""
    if signal.getsignal(signal.SIGINT) == _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)  # ExitCode.INTERRUPTED, which may not be imported yet
