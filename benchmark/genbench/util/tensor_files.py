"""Files of named tensors with a checksum, in the safetensors format, memory-mapped when they are read.

Data sets and features in the cache and the samples of a job are such files. The metadata of a file holds its checksum,
and texts by name where the writer gave any. Writing arrays needs no torch, so that planning can do it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from genbench.errors import DataError
from genbench.util.atomic_files import atomic_path
from genbench.util.regular_files import RefusedFileError, check_regular

if TYPE_CHECKING:
    from torch import Tensor

Array = Shaped[np.ndarray, "..."]
WRITE_ERRORS = (OSError, SafetensorError)
"""What `write_arrays` and `write_tensors` raise where they cannot write; safetensors has an error of its own for a
full disk."""
READ_ERRORS = (OSError, SafetensorError, DataError, RuntimeError)
"""What `read_tensors` raises where it cannot read."""

MAX_BYTES = 1 << 42
"""The largest file that is read: 4 TiB. It is memory-mapped, so this is no limit on memory."""

_CHECKSUM = "sha256"
"""Name of the checksum in the metadata."""


@dataclass(frozen=True)
class TensorFile:
    """The content of a file."""

    tensors: dict[str, Tensor]
    """Tensors by name. Those that were read from a file are on the CPU."""
    texts: dict[str, str] = field(default_factory=dict)
    """Texts by name. The name "sha256" is taken by the checksum."""


def write_arrays(
    arrays: Mapping[str, Array],
    path: Path,
    texts: Mapping[str, str] | None = None,
    *,
    partial_folder: Path | None = None,
) -> None:
    """Write numpy arrays atomically, and make the folder where it does not exist.

    texts: by name, stored with the arrays. partial_folder: see `genbench.util.atomic_files.atomic_path`.
    Raises one of `WRITE_ERRORS`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {**(texts or {}), _CHECKSUM: checksum_of_arrays(arrays, texts)}
    with atomic_path(path, partial_folder=partial_folder) as partial:
        save_file(dict(arrays), partial, metadata=metadata)


def write_tensors(
    tensors: Mapping[str, Tensor],
    path: Path,
    texts: Mapping[str, str] | None = None,
    *,
    partial_folder: Path | None = None,
) -> None:
    """`write_arrays` for torch tensors on any device."""
    write_arrays(_as_arrays(tensors), path, texts, partial_folder=partial_folder)


def read_tensors(path: Path, *, checksum_required: bool = True, within: Path | None = None) -> TensorFile:
    """Read the tensors and texts of a file. Tensors are memory-mapped; one that is written to is copied first.

    checksum_required: False accepts a file without a checksum. A wrong checksum is never accepted. within: see
    `genbench.util.regular_files.open_regular`.

    Raises FileNotFoundError where there is no such file; RuntimeError where another process removed it meanwhile, since
    torch opens it a second time; and SafetensorError, OSError or DataError where it is damaged.
    """
    check_regular(path, max_bytes=MAX_BYTES, within=within)  # opening a FIFO would wait for ever
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        texts: dict[str, str] = dict(file.metadata() or {})
    recorded = texts.pop(_CHECKSUM, None)
    may_be_missing = recorded is None and not checksum_required
    try:
        arrays = _as_arrays(tensors)
    except TypeError as error:  # a type that numpy has not, and that is never written
        raise DataError(str(error)) from None
    accepted = _accepted_checksums(arrays, texts)
    if not may_be_missing and not any(recorded == each for each in accepted):
        raise DataError("its checksum does not match")
    return TensorFile(tensors, texts)


def read_tensors_if_any(path: Path, *, within: Path | None = None) -> TensorFile | None:
    """`read_tensors`, or None where there is no such file. Raises DataError, which names the file, where it is
    damaged."""
    try:
        return read_tensors(path, within=within)
    except FileNotFoundError:
        return None
    except RefusedFileError as error:
        raise DataError(f"{path} {error.strerror}") from None
    except READ_ERRORS as error:
        raise DataError(f"{path} is damaged: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """What one of `READ_ERRORS` says, in one line and without the path."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split())


def checksum_of_arrays(arrays: Mapping[str, Array], texts: Mapping[str, str] | None = None) -> str:
    """SHA-256 of texts, names, types, shapes and values: 64 hexadecimal digits."""
    return _checksum(_encoded(texts) if texts else b"", arrays)


def checksum_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """`checksum_of_arrays` for torch tensors on any device."""
    return checksum_of_arrays(_as_arrays(tensors))


def _checksum(start: bytes, arrays: Mapping[str, Array], *, named: bool = True) -> str:
    digest = hashlib.sha256(start)
    for name, array in sorted(arrays.items()):
        description = f"torch.{array.dtype} {tuple(array.shape)}"
        digest.update((f"{name} {description}" if named else description).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _encoded(texts: Mapping[str, str]) -> bytes:
    return repr(sorted(texts.items())).encode()


def _accepted_checksums(arrays: Mapping[str, Array], texts: Mapping[str, str]) -> Iterator[str]:
    """Today's checksum, then those of files that were written before this module was the only one."""
    yield checksum_of_arrays(arrays, texts)
    # completions, class samples and latent traversals: the texts entered even where there were none
    yield _checksum(_encoded(texts), arrays)
    # samples: the name of their tensor did not enter
    yield _checksum(b"", arrays, named=False)


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
