"""The machine's probe, with neighbours and without."""

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
    """Whatever else this machine does, a process that never sleeps is busy besides."""
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        found = probe_machine().others_cores
    finally:
        neighbour.kill()
        neighbour.wait()
    assert found is not None
    assert found > 0.3


def test_what_ends_soon_is_no_company(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quietest look counts, and there are no more of them than it takes."""
    looks = iter([Probe(0.2, 1.04), Probe(0.21, 0.06), Probe(0.2, 0.0)])
    monkeypatch.setattr(machine_probe, "_attempt", lambda: next(looks))
    monkeypatch.setattr(machine_probe, "_PAUSE_SECONDS", 0.0)
    assert probe_machine() == Probe(0.21, 0.06)
    assert next(looks).others_cores == 0.0
    looks = iter([Probe(0.2, 1.04), Probe(None, 0.9), Probe(0.2, 1.1)])
    assert probe_machine() == Probe(None, 0.9)
