"""Python's collector of cycles, which visits all objects again and again while millions of them are made."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Make many objects that are in no cycle. Afterwards they are left out of later collections until the process ends,
    and are freed all the same when nothing refers to them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()
