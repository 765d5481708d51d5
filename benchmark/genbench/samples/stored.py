"""The samples that a job keeps, so that they can be scored again: one tensor, and the checksum of it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from genbench.api.data import storage_dtype
from genbench.api.spec import DataSpec
from genbench.errors import DataError, GenbenchError
from genbench.samples.draw import checked_samples
from genbench.util.atomic_files import WORK_FOLDER

_NAME, _CHECKSUM = "samples", "sha256"


def save_samples(path: Path, samples: Tensor, spec: DataSpec) -> None:
    """Atomic. samples: (N, *event_shape) in the working dtype; the storage dtype holds them without loss."""
    stored = samples.to(storage_dtype(spec)).contiguous()
    work = path.parent / WORK_FOLDER
    work.mkdir(parents=True, exist_ok=True)
    # a name of its own: another process may be at the same job
    temporary = work / f"samples.{os.getpid()}.safetensors"
    save_file({_NAME: stored}, temporary, metadata={_CHECKSUM: _checksum(stored)})
    temporary.replace(path)


def load_samples(path: Path, spec: DataSpec, count: int) -> Tensor:
    """(count, *event_shape) in the working dtype. Raises DataError, which names the file and what is wrong."""
    try:
        with safe_open(path, framework="pt") as file:
            stored: Tensor = file.get_tensor(_NAME)
            recorded = (file.metadata() or {}).get(_CHECKSUM)
    except FileNotFoundError:
        raise DataError(f"{path.name} is missing from {path.parent}") from None
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    # files of before had no checksum
    if recorded is not None and recorded != _checksum(stored):
        raise DataError(f"{path} is damaged: its checksum does not match")
    if stored.dtype != storage_dtype(spec):
        raise DataError(f"{path} holds {stored.dtype}, expected {storage_dtype(spec)}")
    try:
        return checked_samples(stored, count, spec)
    except GenbenchError as error:
        raise DataError(f"{path}: {error}") from None


def _checksum(samples: Tensor) -> str:
    digest = hashlib.sha256(f"{samples.dtype} {tuple(samples.shape)}".encode())
    digest.update(samples.numpy().data)
    return digest.hexdigest()
