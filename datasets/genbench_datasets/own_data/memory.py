"""Refusing what cannot fit into memory by what a header says, before anything is read."""

from __future__ import annotations

import psutil

from genbench.errors import DataError


def need_memory(wanted: int, what: str, remedy: str = "") -> None:
    """Raise DataError where fewer bytes than `wanted` are free. what: "3 images of 5x5 take", for the message."""
    free = psutil.virtual_memory().available
    if wanted > free:
        raise DataError(f"{what} {wanted / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free{remedy}")
