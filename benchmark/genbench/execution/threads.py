"""As many threads as a job has, in every library that keeps threads of its own.

torch's are not the only ones: numpy and scipy bring an OpenBLAS each, scikit-learn an OpenMP. Left alone, they take a
thread for each core of the machine, whatever the job was given, and wait for each other by spinning: beside another
worker a matrix of 256 x 256 took half a second in the place of eight milliseconds (docs/decisions/0026).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def hold_to(threads: int) -> None:
    """Of this process, in the libraries that are loaded by now: call it again after others were imported."""
    threadpool_limits(threads)
    torch.set_num_threads(threads)


@contextmanager
def held_to(threads: int) -> Iterator[None]:
    """The same for a while: in a process that is not the job's own."""
    before = torch.get_num_threads()
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
