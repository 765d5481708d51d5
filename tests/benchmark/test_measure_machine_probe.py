"""The machine's probe, with neighbours and without."""

from __future__ import annotations

import subprocess
import sys

from genbench.measure.machine_probe import probe_machine, probe_seconds


def test_the_probe_takes_milliseconds_and_repeats() -> None:
    durations = [probe_seconds() for _ in range(3)]
    assert all(duration is not None and 0 < duration < 1 for duration in durations)


def test_a_busy_neighbour_is_seen() -> None:
    """Whatever else this machine does, a process that never sleeps is busy besides."""
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        found = [probe_machine().others_cores for _ in range(3)]
    finally:
        neighbour.kill()
        neighbour.wait()
    assert max(cores for cores in found if cores is not None) > 0.3
