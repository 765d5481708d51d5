"""GPUs that are not there: one with NVML's functions over numbers that a test sets and torch's own counters, and the
NVML of a machine with several, whole or divided.

It stands in for the modules, not for the code under test, which asks it as it would ask the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import torch

UUID = "11111111-2222-3333-4444-555555555555"
SECOND_UUID = "11111111-2222-3333-4444-666666666666"
CONTEXT_BYTES = 400


class NvmlError(Exception):
    """As pynvml's NVMLError."""


@dataclass
class StandInGpu:
    """processes: bytes by pid. used: of the device. reserved, max_reserved, max_allocated: torch's.
    unsupported: names of NVML functions that fail. own_pid: what NVML calls this process. calls: what torch was
    asked to do. second_reserved: the peak on a second GPU; None if there is none."""

    own_pid: int
    processes: dict[int, int | None] = field(default_factory=dict)
    used: int = 0
    millijoules: int = 0
    reserved: int = 0
    max_reserved: int = 0
    max_allocated: int = 0
    unsupported: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    in_context: bool = False
    second_reserved: int | None = None

    NVMLError = NvmlError

    # ---- pynvml

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda index: "handle",
            "nvmlDeviceGetHandleByUUID": self._by_uuid,
            "nvmlDeviceGetTotalEnergyConsumption": lambda handle: self.millijoules,
            "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=self.used),
            "nvmlDeviceGetComputeRunningProcesses": lambda handle: [
                SimpleNamespace(pid=pid, usedGpuMemory=size) for pid, size in self.processes.items()
            ],
        }
        if name not in answers:
            raise AttributeError(name)

        def answer(*arguments: Any) -> Any:
            if name in self.unsupported:
                raise NvmlError("Not Supported")
            return answers[name](*arguments)

        return answer

    def _by_uuid(self, uuid: str) -> str:
        if uuid != f"GPU-{UUID}":
            raise NvmlError("Not Found")
        return "handle"

    # ---- torch.cuda

    def synchronize(self, device: object = None) -> None:
        self.calls.append("synchronize")
        if not self.in_context:
            self.in_context = True
            self.allocate(CONTEXT_BYTES)

    def allocate(self, size: int) -> None:
        """This process takes memory of the device."""
        self.processes[self.own_pid] = (self.processes.get(self.own_pid) or 0) + size
        self.used += size

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Let `import pynvml` and torch find this."""
        patch.setitem(__import__("sys").modules, "pynvml", self)
        for name, stand_in in {
            "synchronize": self.synchronize,
            "empty_cache": lambda: self.calls.append("empty_cache"),
            "reset_peak_memory_stats": lambda device: self.calls.append("reset_peak_memory_stats"),
            "device_count": lambda: 1 if self.second_reserved is None else 2,
            "max_memory_reserved": lambda device: self.second_reserved if device == 1 else self.max_reserved,
            "memory_reserved": lambda device: self.reserved,
            "max_memory_allocated": lambda device: self.max_allocated,
            "get_device_properties": lambda device: SimpleNamespace(
                uuid=SECOND_UUID if device == 1 else UUID
            ),
        }.items():
            patch.setattr(torch.cuda, name, stand_in)


@dataclass
class StandInDevice:
    """A GPU, or a part of one. parts: those of a GPU in MIG mode, None for gaps; None if it is not in that mode."""

    uuid: str
    name: str = "H100"
    total: int = 80 << 30
    used: int = 0
    pids: tuple[int, ...] = ()
    parts: list[StandInDevice | None] | None = None


@dataclass
class StandInNvml:
    """broken: names of functions that fail."""

    devices: list[StandInDevice]
    broken: set[str] = field(default_factory=set)

    NVMLError = NvmlError

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetCount": lambda: len(self.devices),
            "nvmlDeviceGetHandleByIndex": lambda index: self.devices[index],
            "nvmlDeviceGetMigMode": lambda gpu: (int(gpu.parts is not None), 0),
            "nvmlDeviceGetMaxMigDeviceCount": lambda gpu: len(gpu.parts),
            "nvmlDeviceGetMigDeviceHandleByIndex": self._part,
            "nvmlDeviceGetUUID": lambda gpu: gpu.uuid,
            "nvmlDeviceGetName": lambda gpu: gpu.name.encode(),  # as old versions do
            "nvmlDeviceGetMemoryInfo": lambda gpu: SimpleNamespace(used=gpu.used, total=gpu.total),
            "nvmlDeviceGetComputeRunningProcesses": lambda gpu: [
                SimpleNamespace(pid=pid) for pid in gpu.pids
            ],
        }
        if name not in answers:
            raise AttributeError(name)

        def answer(*arguments: Any) -> Any:
            if name in self.broken:
                raise NvmlError("Not Supported")
            return answers[name](*arguments)

        return answer

    def _part(self, gpu: StandInDevice, place: int) -> StandInDevice:
        part = (gpu.parts or [])[place]
        if part is None:
            raise NvmlError("Not Found")
        return part

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Let `import pynvml` find this, and no mask."""
        patch.setitem(__import__("sys").modules, "pynvml", self)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        patch.delenv("CUDA_DEVICE_ORDER", raising=False)
