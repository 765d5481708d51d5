"""The number of threads of a job, set in every library that has threads of its own.

Besides torch these are an OpenBLAS each in numpy and scipy, and an OpenMP in scikit-learn. By default they start one
thread per core of the machine, and threads that wait for each other spin. With two workers at once, an operation on a
256 x 256 matrix then took half a second instead of eight milliseconds (docs/decisions/0026).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def set_threads(threads: int) -> None:
    """Set the number of threads of this process, in the libraries loaded so far. Call it again after others are
    loaded."""
    threadpool_limits(threads)
    torch.set_num_threads(threads)


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Set the number of threads inside the block, for a process that is not the job's own."""
    before = torch.get_num_threads()
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
