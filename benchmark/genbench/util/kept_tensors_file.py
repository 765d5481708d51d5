"""Tensors that a job keeps beside its samples: a safetensors file, its checksum, and a few words."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from genbench.errors import DataError
from genbench.util.atomic_files import WORK_FOLDER

_CHECKSUM = "sha256"


@dataclass(frozen=True)
class Kept:
    """tensors, by name. words: text, by name, none of them called "sha256"."""

    tensors: dict[str, Tensor]
    words: dict[str, str] = field(default_factory=dict)


def save_kept(path: Path, kept: Kept) -> None:
    """Atomic."""
    work = path.parent / WORK_FOLDER
    work.mkdir(parents=True, exist_ok=True)
    temporary = work / f"{path.stem}.{os.getpid()}.safetensors"
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in kept.tensors.items()}
    save_file(tensors, temporary, metadata={**kept.words, _CHECKSUM: _checksum(tensors, kept.words)})
    temporary.replace(path)


def load_kept(path: Path) -> Kept | None:
    """None where there is no such file. Raises DataError, which names it, where it is damaged."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            words: dict[str, str] = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if words.pop(_CHECKSUM, None) != _checksum(tensors, words):
        raise DataError(f"{path} is damaged: its checksum does not match")
    return Kept(tensors, words)


def _checksum(tensors: dict[str, Tensor], words: dict[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(words.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
