"""Tensors in a file of the cache: safetensors, memory-mapped when read, atomic when written, checked by a checksum."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from genbench.errors import DataError

_CHECKSUM = "sha256"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Raises DataError where the checksum does not match; FileNotFoundError, RuntimeError (another process
    removed the file meanwhile), SafetensorError or OSError where there is no file that can be read."""
    # on the CPU these tensors share their storage with the file, copied only where they are written to
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        recorded = (file.metadata() or {}).get(_CHECKSUM)
    if recorded != checksum(tensors):
        raise DataError("its checksum does not match")
    return tensors


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Atomic: another process sees the whole file or none. Raises OSError or SafetensorError."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.partial")
    try:
        save_file(whole, temporary, metadata={_CHECKSUM: checksum(whole)})
        temporary.chmod(0o644)  # safetensors leaves it to its owner, and caches are shared
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Of names, types, shapes and values; 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()
