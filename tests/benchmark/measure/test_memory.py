"""Peak memory, against allocations of a known size."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from genbench.measure.memory import MemoryPeak, PeakMemory, larger

MIB = 2**20
# In a process of its own: what other tests left behind does not blur it.
_PROGRAM = """
import mmap, sys, torch
from genbench.measure.memory import PeakMemory
MIB = 2**20

def spike(size):  # touched page by page, and gone within milliseconds
    with mmap.mmap(-1, size) as memory:
        for page in range(0, size, 4096):
            memory[page] = 1

# The first call of an operation maps the pages of torch's library that hold its code (7 MiB of the CUDA build), and
# they count too: mapped before the baseline, they leave the tensor alone.
torch.ones(32 * MIB // 4)
memory = PeakMemory(torch.device("cpu"))
spike(96 * MIB)
first = memory.peak().rss_bytes
memory.reset()
second = memory.peak().rss_bytes
kept = torch.ones(32 * MIB // 4)
memory.reset()  # what is still held counts
third = memory.peak().rss_bytes
print(first / MIB, second / MIB, third / MIB, memory.free_bytes(100 * MIB) / MIB)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset its high-water mark")
def test_short_spikes_are_seen_and_phases_are_apart() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    spike, after, held, free = map(float, done.stdout.split())
    # the kernel counts pages per core, and adds them up with some delay
    assert 95 < spike < 100
    assert 0 <= after < 4
    assert 31 < held < 36
    assert 100 - 36 < free < 100 - 31


def test_on_a_cpu_there_are_no_peaks_of_a_device() -> None:
    peak = PeakMemory(torch.device("cpu")).peak()
    assert peak == MemoryPeak(peak.rss_bytes, None, None, None, None)


def test_the_peak_of_a_paused_phase_is_the_larger_of_each_value() -> None:
    a, b = MemoryPeak(5, 10, 20, None, None), MemoryPeak(7, 8, 30, 40, None)
    assert larger(None, a) == a
    assert larger(a, b) == MemoryPeak(7, 10, 30, 40, None)
