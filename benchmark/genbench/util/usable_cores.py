"""How many processor cores this process may use."""

from __future__ import annotations

import os

import psutil


def usable_cores() -> int:
    """The cores that the affinity of the process allows; all cores of the machine if the system has no affinities
    (macOS). At least 1.

    A container, a batch system or `taskset` often allows fewer cores than the machine has.
    """
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return len(process.cpu_affinity()) or 1
    return os.cpu_count() or 1
