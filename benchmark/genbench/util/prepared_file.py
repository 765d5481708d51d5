"""The file of a prepared data set: its arrays as safetensors, and in the metadata a checksum of them all.

Free of torch, so that planning can write one too: a data set source that has read the user's files keeps what it
read, and no worker reads them again. `genbench.datasets.prepared` reads it back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from safetensors import SafetensorError
from safetensors.numpy import save_file

CHECKSUM = "sha256"
SPLITS = ("train", "valid", "test")

Array = Shaped[np.ndarray, "..."]
WRITE_ERRORS = (OSError, SafetensorError)
"""What `write_arrays` raises where it cannot write; safetensors has an error of its own for a full disk."""


def write_arrays(arrays: Mapping[str, Array], path: Path) -> None:
    """Write arrays named "train.x", "train.y", "train.grey", "valid.x", ... as `genbench.api.data.Split` stores them.

    Atomic: another process sees the whole file or none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.partial")
    try:
        save_file(dict(arrays), temporary, metadata={CHECKSUM: checksum(arrays)})
        temporary.chmod(0o644)  # safetensors leaves it to its owner, and caches are shared
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def checksum(arrays: Mapping[str, Array]) -> str:
    """Of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} torch.{array.dtype} {tuple(array.shape)}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
