"""What a model costs over several boards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genbench_reports.leaderboard.rows import Row


@dataclass(frozen=True)
class Costs:
    """The costs of one model over the boards on which it has results. None: it was measured on none of them."""

    train_seconds: float | None
    """Training time by the wall clock, in seconds: the geometric mean over the boards of the mean over seeds, so that
    one slow board does not outweigh all others."""
    samples_per_second: float | None
    """Samples per second at the best batch size: the geometric mean over the boards of the mean over seeds."""
    train_rss_bytes: float | None
    """Peak memory of the process in training, in bytes: the largest over boards and seeds, because that much has to be
    there."""
    sample_rss_bytes: float | None
    """Peak memory of the process in sampling, in bytes: the largest over boards and seeds."""
    train_gpu_bytes: float | None
    """Peak GPU memory that torch had allocated in training, in bytes: the largest over boards and seeds. None without
    a GPU."""
    sample_gpu_bytes: float | None
    """Peak GPU memory that torch had allocated in sampling, in bytes: the largest over boards and seeds. None without
    a GPU."""

    @property
    def uses_gpu(self) -> bool:
        """Whether GPU memory was measured."""
        return self.train_gpu_bytes is not None or self.sample_gpu_bytes is not None


def costs_over(rows: Sequence[Row]) -> Costs:
    """rows: those of one model, one for each board on which it has results."""
    return Costs(
        train_seconds=_geometric_mean(rows, "train_seconds"),
        samples_per_second=_geometric_mean(rows, "samples_per_second"),
        train_rss_bytes=_largest(rows, "train_peak_rss_bytes"),
        sample_rss_bytes=_largest(rows, "sample_peak_rss_bytes"),
        train_gpu_bytes=_largest(rows, "train_peak_cuda_bytes"),
        sample_gpu_bytes=_largest(rows, "sample_peak_cuda_bytes"),
    )


def _geometric_mean(rows: Iterable[Row], name: str) -> float | None:
    """Over the rows with a positive value; None where there are none."""
    means = [row.costs[name].mean for row in rows if name in row.costs]
    logs = [math.log(mean) for mean in means if mean is not None and mean > 0]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


def _largest(rows: Iterable[Row], name: str) -> float | None:
    return max(
        (value for row in rows if name in row.costs for value in row.costs[name].by_seed.values()),
        default=None,
    )
