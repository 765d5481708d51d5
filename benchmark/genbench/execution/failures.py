"""Failures of a job: the status that an exception leads to, and its reason in one line."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from safetensors import SafetensorError

from genbench.errors import DataError, Diverged, GenbenchError, SamplingTimeout, is_out_of_memory
from genbench.records.result import Circumstance, Status


def classify(error: BaseException, phase: str) -> tuple[Status, str]:
    """The status and the reason of a job that raised `error` in `phase`."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else ""
    if isinstance(error, DataError):
        return "data_error", text
    if isinstance(error, Diverged):
        return "diverged", text
    if isinstance(error, SamplingTimeout):
        return "timeout", text
    if _is_full_disk(error):
        return "killed", f"no room on the disk in {phase}: {text}"  # not the model's fault
    if is_out_of_memory(error):
        return "oom", f"out of memory in {phase}: {text or type(error).__name__}"
    if isinstance(error, GenbenchError):
        return "plugin_error", text
    return "plugin_error", f"{type(error).__name__} in {phase}: {text}{_place(error)}"


def circumstance_of(error: BaseException) -> Circumstance | None:
    """What the exception came from, if that is not the model: a module that is not installed, or a full disk. Memory is
    judged by the supervisor, which knows the limits."""
    if _is_full_disk(error):
        return Circumstance(kind="disk")
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ModuleNotFoundError) and seen.name:
            return Circumstance(kind="module", module=seen.name)
        seen = seen.__cause__
    return None


def _is_full_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
    return isinstance(error, SafetensorError) and "No space left" in str(error)


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    frame = (own or frames)[-1]
    return f" ({Path(frame.filename).name}:{frame.lineno})"
