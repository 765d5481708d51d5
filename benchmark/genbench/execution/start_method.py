"""How worker processes start: as children of a fork server, or spawned."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

from genbench.errors import UsageError

if TYPE_CHECKING:  # a system without fork has no fork server
    from multiprocessing.context import ForkServerContext, SpawnContext

    WorkerContext = ForkServerContext | SpawnContext

PRELOAD = ["genbench.execution.preload"]
"""What the fork server imports once, so that a child starts in milliseconds."""


SPIN_COUNT = 2500
"""How long a thread of a worker spins before it sleeps: some microseconds, where the default is some milliseconds."""


def start_method() -> str:
    """ "forkserver" or "spawn": what GENBENCH_START_METHOD says, else the first that this system has."""
    methods = [name for name in ("forkserver", "spawn") if name in multiprocessing.get_all_start_methods()]
    method = os.environ.get("GENBENCH_START_METHOD") or methods[0]
    if method not in methods:
        raise UsageError(f"GENBENCH_START_METHOD={method}: expected {' or '.join(methods)}")
    return method


def process_context() -> WorkerContext:
    """Children of a fork server with torch preloaded, or spawned ones where there is no fork.

    Spawned ones too where GENBENCH_START_METHOD is "spawn": what a script or a plugin does when it is imported, such as
    asking CUDA for its devices, may forbid forking. Raises UsageError where it names no such method.
    """
    _calm_openmp()
    if start_method() == "spawn":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # "__main__" first: otherwise every child would run the main script's imports again
    context.set_forkserver_preload(["__main__", *PRELOAD])
    return context


def _calm_openmp() -> None:
    """OpenMP's threads wait for each other by spinning. Beside another busy process, where they have no core each, a
    spinning thread keeps the one that it waits for from running (docs/decisions/0025)."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
