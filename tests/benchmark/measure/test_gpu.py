"""What is measured on a GPU, with a stand-in for NVML and CUDA, so that no GPU is needed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import torch
from stand_in_gpu import SECOND_UUID, UUID, StandInGpu

from genbench.api.budget import Budget
from genbench.api.compute_meter import ComputeMeter
from genbench.measure import speed
from genbench.measure.gauges import Gauges, PhaseGauges
from genbench.measure.nvidia import CountersUnavailable, gpu_counters
from genbench.measure.speed import synchronised_clock, timed_calls

CUDA = torch.device("cuda")
STRANGER = 4_000_001


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> StandInGpu:
    stand_in = StandInGpu(own_pid=os.getpid())
    stand_in.install(monkeypatch)
    return stand_in


def test_peaks_are_above_the_baseline_and_none_is_missed_between_two_readings(gpu: StandInGpu) -> None:
    gpu.used = 5000  # by another process
    memory = Gauges(CUDA, workers=1).memory
    gpu.allocate(70)
    gpu.reserved, gpu.max_reserved, gpu.max_allocated = 70, 100, 90  # 30 were given back before the reading
    peak = memory.peak()
    assert (peak.cuda_allocated_bytes, peak.cuda_reserved_bytes) == (90, 100)
    assert (peak.device_bytes, peak.process_device_bytes) == (100, 100)


def test_each_gpu_of_a_job_has_its_own_peak(gpu: StandInGpu) -> None:
    gpu.second_reserved = 0
    gauges = Gauges(CUDA, workers=1)
    phase = PhaseGauges(gauges)
    phase.start()
    assert gpu.calls.count("reset_peak_memory_stats") >= 2  # of both
    gpu.max_reserved, gpu.second_reserved = 100, 30
    phase.stop()
    phase.start()
    gpu.max_reserved, gpu.second_reserved = 60, 50
    phase.stop()
    assert phase.peak.reserved_bytes_by_gpu == {UUID: 100, SECOND_UUID: 50}
    assert phase.peak.cuda_reserved_bytes == 100  # the first one's, as ever


def test_a_phase_begins_with_an_empty_cache(gpu: StandInGpu) -> None:
    memory = Gauges(CUDA, workers=1).memory
    gpu.calls.clear()
    memory.reset()
    assert gpu.calls == ["empty_cache", "reset_peak_memory_stats"]


def test_energy_is_the_counters_difference_between_start_and_stop(
    gpu: StandInGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    gauges = Gauges(CUDA, workers=1)
    meter = gauges.energy_meter()

    def stretch(seconds: float, joules: int) -> None:
        now[0] += seconds
        gpu.millijoules += 1000 * joules

    for joules in (300, 200):
        meter.start()
        stretch(2.0, joules)
        meter.stop()
        stretch(5.0, 999)  # a checkpoint
    assert gauges.joules(meter) == (500.0, None)
    assert gauges.energy_source == "NVML: the whole GPU, idle power included"
    short = gauges.energy_meter()
    short.start()
    stretch(0.5, 10)
    short.stop()
    assert gauges.joules(short) == (None, "0.5 s is too short for the counter, which needs 2 s")


def test_another_process_on_the_device_is_a_warning_and_leaves_the_energy_unknown(gpu: StandInGpu) -> None:
    gauges = Gauges(CUDA, workers=1)
    assert gauges.warning() is None
    meter = gauges.energy_meter()
    meter.start()
    gpu.processes[STRANGER] = 10
    assert gauges.warning() == (
        f"another process used the GPU (pid {STRANGER}): times, device memory and energy include their work"
    )
    del gpu.processes[STRANGER]  # it has ended, but it was there
    assert gauges.warning() is not None
    gpu.processes[STRANGER + 1] = 10
    assert (gauges.warning() or "").startswith("2 other processes used the GPU")
    meter._seconds = 100.0
    assert gauges.joules(meter) == (None, "other processes used the GPU")


def test_a_process_that_was_there_before_is_a_neighbour(gpu: StandInGpu) -> None:
    gpu.processes[STRANGER] = None
    assert "another process" in (Gauges(CUDA, workers=1).warning() or "")


def test_in_a_container_this_process_is_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = StandInGpu(own_pid=777_777)  # its id on the host
    gpu.install(monkeypatch)
    gpu.processes[STRANGER] = 10
    gauges = Gauges(CUDA, workers=1)
    gpu.allocate(33)
    assert gauges.memory.peak().process_device_bytes == 33
    assert f"pid {STRANGER})" in (gauges.warning() or "")


@pytest.mark.parametrize(
    ("unsupported", "note"),
    [
        ("nvmlDeviceGetTotalEnergyConsumption", "NVML: Not Supported"),
        ("nvmlInit", "NVML: Not Supported"),
    ],
)
def test_what_nvml_does_not_give_is_none_with_the_reason(
    gpu: StandInGpu, unsupported: str, note: str
) -> None:
    gpu.unsupported.add(unsupported)
    gauges = Gauges(CUDA, workers=1)
    assert gauges.joules(gauges.energy_meter()) == (None, note)
    assert (gauges.memory.peak().device_bytes is None) == (unsupported == "nvmlInit")


def test_a_gpu_that_several_workers_share_has_no_energy_of_one_job(gpu: StandInGpu) -> None:
    gauges = Gauges(CUDA, workers=2)
    joules, note = gauges.joules(gauges.energy_meter())
    assert joules is None
    assert note == "the counter is that of the whole GPU, which 2 workers shared; --jobs 1 measures one job"


def test_without_the_extra_the_note_says_what_to_install(
    gpu: StandInGpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(CountersUnavailable, match=r'pip install "genbench\[nvidia\]"'):
        gpu_counters(CUDA)
    peak = Gauges(CUDA, workers=1).memory.peak()
    assert peak.cuda_allocated_bytes == 0
    assert peak.device_bytes is None


# ---- clocks


def test_every_clock_waits_for_the_device(gpu: StandInGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """No reading of the clock without a synchronisation right before it."""
    events = gpu.calls

    def clock() -> float:
        events.append("clock")
        return float(len(events))

    monkeypatch.setattr(time, "perf_counter", clock)
    synchronised_clock(CUDA)
    timed_calls(lambda: events.append("work"), CUDA, min_calls=3, max_calls=3, seconds=0.0)
    meter = ComputeMeter(Budget(seconds=1e9), device="cuda", clock=clock)
    meter.start()
    with meter._paused():
        events.append("checkpoint")
    meter.finish()
    readings = [index for index, event in enumerate(events) if event == "clock"]
    assert len(readings) == 1 + 4 + 4
    assert all(events[index - 1] == "synchronize" for index in readings)


def test_no_other_clock_is_read_where_work_is_measured() -> None:
    """`synchronised_clock` is the only clock in measure/ and in the stages of a job."""
    measure = Path(speed.__file__).parent
    stages = measure.parent / "execution" / "stages"
    for path in (*measure.glob("*.py"), *stages.glob("*.py")):
        if path.name == "machine_probe.py":  # times the processor, never a device
            continue
        readings = path.read_text(encoding="utf-8").count("time.perf_counter")
        assert readings == (1 if path.name == "speed.py" else 0), path.name
