"""Provenance: the code, the packages and the machine that a result comes from. Recorded in the run and in each
result."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from genbench.util.redaction import redacted

_PACKAGES = ("genbench", "torch", "numpy", "scipy", "torchmetrics", "pluggy", "scikit-learn")


def collect_provenance(threads: int) -> dict[str, Any]:
    """Time, git state, versions, CPU, memory, GPU and threads per worker.

    The git state is that of the folder of this source, or of the working folder if genbench is not run from a
    repository.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(Path(__file__).parent) or git_state(Path.cwd()),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": gpu_state(),
        "threads": threads,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit, dirty flag and origin (without credentials) of the repository around the folder; None without one."""
    commit = _run("git", "-C", str(folder), "rev-parse", "HEAD")
    if commit is None:
        return None
    status = _run("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    origin = _run("git", "-C", str(folder), "config", "--get", "remote.origin.url")
    return {"commit": commit, "dirty": bool(status), "origin": redacted(origin) if origin else None}


def cpu_name() -> str:
    """The name of the processor, from the system."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def gpu_state() -> dict[str, Any] | None:
    """Name, driver and memory of the first GPU, or None."""
    query = "--query-gpu=name,driver_version,memory.total"
    line = _run("nvidia-smi", query, "--format=csv,noheader,nounits")
    if not line:
        return None
    name, driver, mebibytes = (part.strip() for part in line.splitlines()[0].split(","))
    return {"name": name, "driver": driver, "memory_bytes": int(float(mebibytes)) * 2**20}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
