"""The counters of a GPU, read through NVML, NVIDIA's management library (extra `nvidia`).

torch reports only the memory that torch allocated. NVML reports energy, the memory of all processes, and which
processes use the device.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable
from typing import Any

import torch


class CountersUnavailable(Exception):
    """A counter cannot be read; the text is the reason."""


class GpuCounters:
    """The counters of one GPU.

    nvml: the module `pynvml`. uuid: that of the GPU, or of a part of one, as NVML writes it. before: the processes that
    used any GPU before this process did.

    The constructor and all methods raise CountersUnavailable if NVML does not give the value.
    """

    def __init__(self, nvml: Any, uuid: str, before: frozenset[int] = frozenset()) -> None:
        self.before = before
        self._nvml = nvml
        self._handle = _call(nvml, nvml.nvmlDeviceGetHandleByUUID, uuid)

    def energy_joules(self) -> float:
        """The energy of the whole GPU since its driver was loaded (Volta and later)."""
        return float(_call(self._nvml, self._nvml.nvmlDeviceGetTotalEnergyConsumption, self._handle)) / 1000

    def used_bytes(self) -> int:
        """The memory in use on the GPU by all processes."""
        return int(_call(self._nvml, self._nvml.nvmlDeviceGetMemoryInfo, self._handle).used)

    def processes(self) -> dict[int, int | None]:
        """The processes that compute on the GPU, and the bytes that each uses (None if NVML does not give them)."""
        return _processes(self._nvml, self._handle)


def gpu_counters(device: torch.device) -> GpuCounters:
    """The counters of torch's device. Call this before this process has used any GPU: it lists the processes that do.

    Raises CountersUnavailable with the reason if there are no counters.
    """
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        raise CountersUnavailable(
            'NVML cannot be read: nvidia-ml-py is not installed (pip install "genbench[nvidia]")'
        ) from None
    _call(nvml, nvml.nvmlInit)
    gpus = [
        _call(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
        for index in range(_call(nvml, nvml.nvmlDeviceGetCount))
    ]
    before = frozenset(pid for gpu in gpus for pid in _processes(nvml, gpu))
    # not by index: CUDA_VISIBLE_DEVICES renumbers the devices of torch, but not those of NVML
    uuid = str(getattr(torch.cuda.get_device_properties(device), "uuid", ""))
    try:
        return GpuCounters(nvml, f"GPU-{uuid}", before)
    except CountersUnavailable:
        return GpuCounters(nvml, f"MIG-{uuid}", before)


def _processes(nvml: Any, handle: Any) -> dict[int, int | None]:
    found = _call(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    return {int(process.pid): process.usedGpuMemory for process in found}


def _call(nvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except nvml.NVMLError as error:
        raise CountersUnavailable(f"NVML: {error}") from None


class GpuProcesses:
    """This process and others on a GPU. Make it after this process has first used the device."""

    def __init__(self, gpu: GpuCounters, pid: int | None = None) -> None:
        pid = os.getpid() if pid is None else pid
        self._gpu = gpu
        now = set(gpu.processes())
        # in a container NVML may list this process under its id on the host: then it is the one that is new
        self._own = {pid} if pid in now else now - gpu.before
        self._neighbours = now - self._own

    def look(self) -> None:
        """Note the other processes that are on the device now."""
        with contextlib.suppress(CountersUnavailable):
            self._neighbours |= set(self._gpu.processes()) - self._own

    @property
    def neighbours(self) -> int:
        """How many other processes have been on the device so far."""
        return len(self._neighbours)

    def own_bytes(self) -> int | None:
        """The device memory that this process uses; None if NVML does not give it, or does not list the process."""
        try:
            processes = self._gpu.processes()
        except CountersUnavailable:
            return None
        held = [processes[pid] for pid in self._own if pid in processes]
        known = [size for size in held if size is not None]
        return sum(known) if known else None

    def warning(self) -> str | None:
        """One line about other processes on the device; None if there were none."""
        if not self._neighbours:
            return None
        listed = ", ".join(str(pid) for pid in sorted(self._neighbours)[:5])
        who = "another process" if self.neighbours == 1 else f"{self.neighbours} other processes"
        return f"{who} used the GPU (pid {listed}): times, device memory and energy include their work"
