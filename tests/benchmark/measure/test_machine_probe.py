"""The probe of the machine's speed, with busy neighbours and without."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genbench.measure import machine_probe
from genbench.measure.machine_probe import Probe, probe_machine, probe_seconds


def test_the_probe_takes_milliseconds_and_repeats() -> None:
    durations = [probe_seconds() for _ in range(3)]
    assert all(duration is not None and 0 < duration < 1 for duration in durations)


def test_a_busy_neighbour_is_seen() -> None:
    """A process that never sleeps adds one busy core to what this machine does otherwise."""
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        found = probe_machine().others_cores
    finally:
        neighbour.kill()
        neighbour.wait()
    assert found is not None
    assert found > 0.3


def test_interference_that_ends_soon_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt with the least interference counts, and there are no more attempts than needed."""
    attempts = iter([Probe(0.2, 1.04), Probe(0.21, 0.06), Probe(0.2, 0.0)])
    monkeypatch.setattr(machine_probe, "_attempt", lambda: next(attempts))
    monkeypatch.setattr(machine_probe, "_PAUSE_SECONDS", 0.0)
    assert probe_machine() == Probe(0.21, 0.06)
    assert next(attempts).others_cores == 0.0
    attempts = iter([Probe(0.2, 1.04), Probe(None, 0.9), Probe(0.2, 1.1)])
    assert probe_machine() == Probe(None, 0.9)
