"""Which job of this machine uses which GPUs: each gets those that fewest jobs use now, and sees no others."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.errors import UsageError
from genbench.measure.visible_gpus import VisibleGpu


class GpuPool:
    """The GPUs of a machine. Where there are more jobs than GPUs, jobs share them.

    gpus: those that this process may use; empty if it is not known, and then no job is told which to use.
    """

    def __init__(self, gpus: Sequence[VisibleGpu]) -> None:
        self._jobs = {gpu.token: 0 for gpu in gpus}
        self._parts = {gpu.token for gpu in gpus if gpu.is_part}

    def take(self, count: int) -> tuple[str, ...]:
        """The names of the GPUs for a job, as CUDA_VISIBLE_DEVICES takes them; empty if they are not known.

        Raises UsageError if there are fewer, or if a job would get several parts of GPUs.
        """
        check_gpus_per_job(count, len(self._jobs), bool(self._parts))
        chosen = sorted(self._jobs, key=lambda token: self._jobs[token])[
            :count
        ]  # the order of CUDA among equals
        for token in chosen:
            self._jobs[token] += 1
        return tuple(chosen)

    def give_back(self, tokens: Sequence[str]) -> None:
        """The job has ended."""
        for token in tokens:
            self._jobs[token] -= 1


def check_gpus_per_job(count: int, visible: int, are_parts: bool) -> None:
    """Raise UsageError if this machine cannot give a job so many GPUs. visible: how many there are; 0: not known."""
    if count > 1 and not visible:
        raise UsageError(
            f'--gpus-per-job {count}: the GPUs cannot be listed: pip install "genbench[nvidia]",'
            " or name them in CUDA_VISIBLE_DEVICES"
        )
    if visible and count > visible:
        has = "1 GPU" if visible == 1 else f"{visible} GPUs"
        raise UsageError(f"--gpus-per-job {count}: this machine has {has} that this process may use")
    if count > 1 and are_parts:
        raise UsageError(
            f"--gpus-per-job {count}: the GPUs are divided (MIG), and CUDA lets a process use one part only;"
            " leave it at 1"
        )
