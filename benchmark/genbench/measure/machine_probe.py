"""How fast this machine is today: a small fixed workload, so that times of different days can be compared.

Run as a program it does the work and prints the seconds; `probe_seconds` starts that program, since the process that
supervises a run loads no numerical library. One thread, no torch: an upgrade of torch that makes models slower must
not make the probe slower with them.

The workload is what small networks ask of a core: matrix products that fit its cache, transcendental functions over
an array that does not fit the first level, sorting, and interpreted Python. The minimum of repeats is what the core
can do when nobody disturbs it (Chen and Revels 2016, "Robust benchmarking in noisy environments", section III).
How much they disturb it is told apart: the cores that other processes kept busy meanwhile. A minimum does not see
them, and a run of minutes does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

PROBE_VERSION = 1
"""Version of the workload; probes of different versions do not compare.

1  first.
"""
REPEATS = 15
_LIMIT_SECONDS = 60.0
_LOOKS, _PAUSE_SECONDS = 3, 1.0
_COMPANY = 0.2  # cores
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Probe:
    """seconds: of the workload; None where it could not be run. others_cores: how many cores other processes kept
    busy on average while it ran, on the whole machine where this is a container."""

    seconds: float | None
    others_cores: float | None


def probe_machine() -> Probe:
    """Do the workload, and look at what else the machine does meanwhile.

    Where it finds company it waits and looks again: what ends within seconds, as the last run's processes do, says
    nothing of a run of minutes. The quietest of its looks counts.
    """
    looks = [_look()]
    while len(looks) < _LOOKS and (looks[-1].others_cores or 0.0) > _COMPANY:
        time.sleep(_PAUSE_SECONDS)
        looks.append(_look())
    return min(looks, key=lambda probe: probe.others_cores or 0.0)


def _look() -> Probe:
    began, busy, own = time.perf_counter(), _busy_seconds(), _children_seconds()
    seconds = probe_seconds()
    elapsed = time.perf_counter() - began
    others = _busy_seconds() - busy - (_children_seconds() - own)
    return Probe(seconds, round(max(0.0, others) / elapsed, 2))


def _busy_seconds() -> float:
    """Of all cores since the machine began, as the system counts them. `guest` is in `user` already."""
    import psutil

    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def probe_seconds() -> float | None:
    """Seconds of the workload in a process of its own; None where it could not be run."""
    # by path and without its folder on sys.path: importing the package would cost more than the workload
    command = [sys.executable, "-P", __file__]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            check=True,
            env={**os.environ, **_ONE_THREAD},
        )
        return float(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _fastest(repeats: int) -> float:
    import numpy as np

    chance = np.random.default_rng(0)
    matrix = chance.standard_normal((160, 160)).astype(np.float32)
    values = chance.standard_normal(60_000)

    def work() -> None:
        product = matrix
        for _ in range(12):
            product = np.tanh(product @ matrix / 160)
        np.sort(np.exp(values))
        total = 0
        for number in range(25_000):
            total += number & 7

    durations = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        durations.append(time.perf_counter() - began)
    return min(durations)


if __name__ == "__main__":
    print(_fastest(REPEATS))
