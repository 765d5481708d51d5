"""The speed of this machine now: the time of a small fixed workload, by which times of different days are compared.

Run as a program, this file does the work and prints the seconds. `probe_seconds` starts that program, because the
process that supervises a run loads no numerical library. The workload uses one thread and no torch: an upgrade of torch
that makes models slower must not make the probe slower too.

The workload is similar to that of small networks: matrix products that fit the cache of a core, transcendental
functions over an array that does not fit its first level, sorting, and interpreted Python. The minimum of several
repeats is the time without interference (Chen and Revels 2016, "Robust benchmarking in noisy environments", section
III). Interference is measured separately, as the number of cores that other processes keep busy: it does not change
the minimum, but it does slow down a run of minutes.
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
_MAX_ATTEMPTS, _PAUSE_SECONDS = 3, 1.0
_MAX_QUIET_CORES = 0.2
"""If other processes keep more cores busy than this, the probe is repeated."""
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Probe:
    """One run of the workload."""

    seconds: float | None
    """The time of the workload; None if it could not be run."""
    others_cores: float | None
    """How many cores other processes kept busy meanwhile, on average; in a container, on the whole machine."""


def probe_machine() -> Probe:
    """Run the workload, and measure what other processes do meanwhile.

    If they keep the machine busy, it waits and tries again: processes that end within seconds, such as those of an
    earlier run, do not slow down a run of minutes. Returns the attempt with the least interference.
    """
    attempts = [_attempt()]
    while len(attempts) < _MAX_ATTEMPTS and (attempts[-1].others_cores or 0.0) > _MAX_QUIET_CORES:
        time.sleep(_PAUSE_SECONDS)
        attempts.append(_attempt())
    return min(attempts, key=lambda probe: probe.others_cores or 0.0)


def _attempt() -> Probe:
    began, busy, own = time.perf_counter(), _busy_seconds(), _children_seconds()
    seconds = probe_seconds()
    elapsed = time.perf_counter() - began
    others = _busy_seconds() - busy - (_children_seconds() - own)
    return Probe(seconds, round(max(0.0, others) / elapsed, 2))


def _busy_seconds() -> float:
    """The time that all cores together were busy since the machine started. `user` includes `guest`."""
    import psutil

    times = psutil.cpu_times()
    return sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def probe_seconds() -> float | None:
    """The time of the workload in a process of its own; None if it could not be run."""
    # started by its path and without its folder on sys.path: importing the package takes longer than the workload
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

    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((160, 160)).astype(np.float32)
    values = generator.standard_normal(60_000)

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
