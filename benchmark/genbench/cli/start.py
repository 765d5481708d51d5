"""The console script, which reacts to Ctrl-C before the rest of the program is imported."""

from __future__ import annotations

import os
import signal
import sys


def start() -> None:
    """Run the command line. An interrupt while it is imported ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from genbench.cli.main import main

    if signal.getsignal(signal.SIGINT) == _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


def _leave(number: int, frame: object) -> None:
    sys.stderr.write("interrupted\n")
    sys.stderr.flush()
    os._exit(130)  # ExitCode.INTERRUPTED, which may not be imported yet
