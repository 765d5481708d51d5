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
"""What the fork server imports once, so that a worker starts in milliseconds."""
SPIN_COUNT = 2500
"""How often a thread of a worker checks for work before it sleeps: for some microseconds instead of the default's
milliseconds."""


def start_method() -> str:
    """ "forkserver" or "spawn": the value of GENBENCH_START_METHOD, else the first of them that this system has.

    Raises UsageError if the variable names another method.
    """
    methods = [name for name in ("forkserver", "spawn") if name in multiprocessing.get_all_start_methods()]
    method = os.environ.get("GENBENCH_START_METHOD") or methods[0]
    if method not in methods:
        raise UsageError(f"GENBENCH_START_METHOD={method}: expected {' or '.join(methods)}")
    return method


def process_context() -> WorkerContext:
    """The context in which workers are started: a fork server with torch loaded, or spawning on systems without fork.

    GENBENCH_START_METHOD=spawn asks for spawning, for scripts and plugins that do something at import that forbids
    forking, such as asking CUDA for its devices. Raises UsageError as `start_method` does.
    """
    _calm_openmp()
    if start_method() == "spawn":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # without "__main__" every worker would run the main script's imports again
    context.set_forkserver_preload(["__main__", *PRELOAD])
    return context


def _calm_openmp() -> None:
    """Have OpenMP's threads sleep soon when they wait for each other. If other processes are busy and there are fewer
    free cores than threads, a thread that spins keeps the one it waits for from running (docs/decisions/0025)."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPIN_COUNT))
