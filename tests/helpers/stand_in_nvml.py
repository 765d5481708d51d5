"""NVML on a machine with several GPUs, whole or divided, that are not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest


class NvmlError(Exception):
    """As pynvml's NVMLError."""


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
