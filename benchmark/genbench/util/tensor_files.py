"""Tensors in a file of the cache: the file of `prepared_file`, memory-mapped when read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from genbench.errors import DataError
from genbench.util import prepared_file


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Raises DataError where the checksum does not match; FileNotFoundError, RuntimeError (another process
    removed the file meanwhile), SafetensorError or OSError where there is no file that can be read."""
    # on the CPU these tensors share their storage with the file, copied only where they are written to
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        recorded = (file.metadata() or {}).get(prepared_file.CHECKSUM)
    if recorded != checksum(tensors):
        raise DataError("its checksum does not match")
    return tensors


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Atomic: another process sees the whole file or none. Raises `prepared_file.WRITE_ERRORS`."""
    prepared_file.write_arrays(_arrays(tensors), path)


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Of names, types, shapes and values; 64 hexadecimal digits."""
    return prepared_file.checksum(_arrays(tensors))


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, prepared_file.Array]:
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
