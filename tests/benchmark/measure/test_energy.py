"""Energy from RAPL, read from a powercap tree that the test writes as Linux lays it out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from genbench.measure.energy import EnergyMeter, PackageEnergy, energy_counter
from genbench.measure.nvidia import CountersUnavailable

CPU = torch.device("cpu")
RANGE = 262_143_328_850


class Powercap:
    """A processor with two packages, their cores and memory, and what must not be counted twice."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder, name in {
            "intel-rapl:0": "package-0",
            "intel-rapl:0:0": "core",
            "intel-rapl:0:1": "dram",
            "intel-rapl:1": "package-1",
            "intel-rapl:1:0": "dram",
            "intel-rapl:2": "psys",
            "intel-rapl-mmio:0": "package-0",
        }.items():
            (root / folder).mkdir(parents=True)
            (root / folder / "name").write_text(f"{name}\n")
            (root / folder / "max_energy_range_uj").write_text(f"{RANGE}\n")
            self.set(folder, 1_000_000)
        (root / "intel-rapl").mkdir()  # the control type itself

    def set(self, folder: str, microjoules: int) -> None:
        (self.root / folder / "energy_uj").write_text(f"{microjoules}\n")

    def spend(self, folder: str, joules: float) -> None:
        path = self.root / folder / "energy_uj"
        self.set(folder, int((int(path.read_text()) + joules * 1e6) % RANGE))


@pytest.fixture
def powercap(tmp_path: Path) -> Powercap:
    return Powercap(tmp_path / "powercap")


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_packages_and_their_memory_count_and_nothing_twice(powercap: Powercap) -> None:
    counter = PackageEnergy(powercap.root)
    before = counter.joules()
    for index, zone in enumerate(sorted(powercap.root.glob("intel-rapl*:*"))):
        powercap.spend(zone.name, 10.0**index)
    names = [zone.name for zone in sorted(powercap.root.glob("intel-rapl*:*"))]
    counted = {"intel-rapl:0", "intel-rapl:0:1", "intel-rapl:1", "intel-rapl:1:0"}
    expected = sum(10.0**index for index, name in enumerate(names) if name in counted)
    assert counter.joules() - before == pytest.approx(expected)
    assert counter.source == (
        "RAPL: package-0, package-1, dram, dram; the whole processor, idle power and other programs included"
    )


def test_a_counter_that_wraps_loses_nothing(powercap: Powercap) -> None:
    powercap.set("intel-rapl:0", RANGE - 2_000_000)
    clock = Clock()
    meter = EnergyMeter(PackageEnergy(powercap.root), clock)
    meter.start()
    spent = 0.0
    for _ in range(3):  # three restarts of the counter, with a reading in between
        for _ in range(3):
            clock.seconds += 30.0
            spent += RANGE / 1e6 / 2.5
            powercap.spend("intel-rapl:0", RANGE / 1e6 / 2.5)
            meter.look()
    meter.stop()
    assert spent > 3 * RANGE / 1e6
    assert meter.joules() == pytest.approx(spent, rel=1e-6)


def test_the_counter_is_read_rarely(powercap: Powercap) -> None:
    clock = Clock()
    meter = EnergyMeter(PackageEnergy(powercap.root), clock)
    meter.start()
    (powercap.root / "intel-rapl:0" / "energy_uj").unlink()  # any reading would fail now
    clock.seconds = 19.0
    meter.look()
    powercap.set("intel-rapl:0", 3_000_000)
    meter.stop()
    assert meter.joules() == 2.0


def test_pauses_do_not_count(powercap: Powercap) -> None:
    clock = Clock()
    meter = EnergyMeter(PackageEnergy(powercap.root), clock)
    meter.stop()  # nothing runs yet
    for _ in range(2):
        meter.start()
        clock.seconds += 1.0
        powercap.spend("intel-rapl:1", 7.0)
        meter.stop()
        powercap.spend("intel-rapl:1", 100.0)
    assert meter.joules() == pytest.approx(14.0)


def test_a_measurement_too_short_for_the_counter_has_no_value(powercap: Powercap) -> None:
    clock = Clock()
    meter = EnergyMeter(PackageEnergy(powercap.root), clock)
    meter.start()
    clock.seconds += 0.004
    meter.stop()
    with pytest.raises(
        CountersUnavailable, match=r"0\.004 s is too short for the counter, which needs 0\.02 s"
    ):
        meter.joules()


def test_a_counter_that_disappears_is_reported(powercap: Powercap) -> None:
    meter = EnergyMeter(PackageEnergy(powercap.root), Clock())
    meter.start()
    (powercap.root / "intel-rapl:1" / "energy_uj").write_text("gone\n")
    meter.stop()
    with pytest.raises(CountersUnavailable, match=r"RAPL cannot be read: .*invalid literal"):
        meter.joules()


def test_why_there_is_no_counter(powercap: Powercap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CountersUnavailable, match="this machine has no RAPL counters"):
        energy_counter(CPU, None, 1, tmp_path / "nowhere")
    with pytest.raises(CountersUnavailable, match=r"whole processor, which 3 workers shared; --jobs 1"):
        energy_counter(CPU, None, 3, powercap.root)
    with pytest.raises(CountersUnavailable, match="the energy of mps cannot be read"):
        energy_counter(torch.device("mps"), None, 1, powercap.root)
    assert energy_counter(CPU, None, 1, powercap.root).source.startswith("RAPL")


def test_a_counter_that_only_root_may_read(powercap: Powercap, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = powercap.root / "intel-rapl:0" / "energy_uj"
    counter.chmod(0o400)
    if os.geteuid() == 0:  # root may read everything: raise what other users would get
        read_text = Path.read_text

        def refuse(path: Path, *arguments: object, **settings: object) -> str:
            if path == counter:
                raise PermissionError(13, "Permission denied")
            return read_text(path)

        monkeypatch.setattr(Path, "read_text", refuse)
    else:
        counter.chmod(0)
    with pytest.raises(CountersUnavailable, match="RAPL may not be read by this user"):
        energy_counter(CPU, None, 1, powercap.root)
