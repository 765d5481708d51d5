"""Keeps standard output for what the command was asked for."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Inside the block, what is printed to standard output goes to standard error: by Python, by compiled code, and by
    processes that are started. For code of plugins, whose words would get into the JSON that another program reads.
    """
    with contextlib.ExitStack() as restored:
        try:
            sys.stdout.flush()
            kept = os.dup(1)
            restored.callback(os.close, kept)
            os.dup2(2, 1)
            restored.callback(os.dup2, kept, 1)
        except (OSError, ValueError):  # closed
            pass
        restored.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield
