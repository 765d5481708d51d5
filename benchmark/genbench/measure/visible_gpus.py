"""The GPUs that this process may use, as CUDA counts them: those of the machine, or of the mask CUDA_VISIBLE_DEVICES.

A GPU that is divided (MIG) counts as its parts. Nothing here imports torch or starts CUDA, so that the process that
supervises jobs can ask.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

MASK = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which GPUs a process sees."""


class VisibleGpu(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU, or a part of one, with what is known of it now."""

    token: str
    """Its name in CUDA_VISIBLE_DEVICES."""
    name: str | None = None
    """What its maker calls it; None if NVML cannot be asked for this and what follows."""
    memory_bytes: int | None = None
    """Its memory."""
    used_bytes: int | None = None
    """The part of it that is in use, by whomever."""
    processes: tuple[int, ...] = ()
    """The ids of the processes that compute on it."""

    @property
    def is_part(self) -> bool:
        """Whether it is a part of a GPU (MIG). A process can use no more than one of them."""
        return self.token.startswith("MIG-")


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[VisibleGpu]:
    """The GPUs in the order in which CUDA counts them. Empty if there are none, or if there is neither a mask nor
    NVML (extra `nvidia`)."""
    present = _present_gpus()
    mask = environment.get(MASK)
    if mask is None:
        return [gpu for _, gpu in present]
    found: dict[str, VisibleGpu] = {}
    is_by_index = (
        environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len({_kind(gpu) for _, gpu in present}) < 2
    )
    places = {index: gpu for index, gpu in present if not gpu.is_part}
    for token in (part.strip() for part in mask.split(",")):
        if not token or token.startswith("-"):  # CUDA sees nothing from the first name on that is none
            break
        if token.isdigit():
            if present and int(token) > max(index for index, _ in present):
                break
            # CUDA counts the fastest GPU first, NVML by place: where they differ, it is not known which is meant
            known = places.get(int(token)) if is_by_index else None
        else:
            known = next((gpu for _, gpu in present if gpu.token.startswith(token)), None)
            if known is None and present and not token.startswith("MIG-GPU-"):  # an old way to name a part
                break
        found[token] = msgspec.structs.replace(known or VisibleGpu(token=token), token=token)
    return list(found.values())


def words_on_neighbours(gpu: VisibleGpu) -> str | None:
    """One line on processes that use the GPU already; None if there are none."""
    if not gpu.processes:
        return None
    listed = ", ".join(map(str, sorted(gpu.processes)[:5])) + (", ..." if len(gpu.processes) > 5 else "")
    who = "another process uses" if len(gpu.processes) == 1 else f"{len(gpu.processes)} other processes use"
    taken = ""
    if gpu.used_bytes is not None and gpu.memory_bytes is not None:
        taken = f"; {gpu.used_bytes / 2**30:.1f} of its {gpu.memory_bytes / 2**30:.1f} GiB are taken"
    return f"{who} the GPU {gpu.token} (pid {listed}){taken}"


def _present_gpus() -> list[tuple[int, VisibleGpu]]:
    """All of the machine, with the place of the GPU that each is or belongs to. Empty without NVML."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return []
    try:
        nvml.nvmlInit()
        count = int(nvml.nvmlDeviceGetCount())
        return [
            (index, _describe(nvml, handle))
            for index in range(count)
            for handle in _parts_or_whole(nvml, nvml.nvmlDeviceGetHandleByIndex(index))
        ]
    except nvml.NVMLError:
        return []


def _parts_or_whole(nvml: Any, gpu: Any) -> Iterator[Any]:
    """The parts of a GPU in MIG mode, of which there may be none; else the GPU."""
    is_divided, _ = _asked(nvml, nvml.nvmlDeviceGetMigMode, gpu) or (0, 0)
    if not is_divided:
        yield gpu
        return
    for place in range(_asked(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, gpu) or 0):
        if (part := _asked(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, gpu, place)) is not None:
            yield part


def _describe(nvml: Any, handle: Any) -> VisibleGpu:
    memory = _asked(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    processes = _asked(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
    name = _asked(nvml, nvml.nvmlDeviceGetName, handle)
    return VisibleGpu(
        token=_text(nvml.nvmlDeviceGetUUID(handle)),
        name=None if name is None else _text(name),
        memory_bytes=None if memory is None else int(memory.total),
        used_bytes=None if memory is None else int(memory.used),
        processes=tuple(sorted(int(process.pid) for process in processes)),
    )


def _asked(nvml: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """What NVML answers; None if it does not."""
    with contextlib.suppress(nvml.NVMLError):
        return function(*arguments)
    return None


def _text(value: str | bytes) -> str:
    """Old versions of pynvml return bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _kind(gpu: VisibleGpu) -> tuple[str | None, int | None]:
    return gpu.name, gpu.memory_bytes
