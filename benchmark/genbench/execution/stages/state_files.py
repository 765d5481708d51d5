"""Files of a model's `state_dict`, by which one stage of a job hands the model to the next, and a hash of a state.

A tensor whose type numpy lacks (bfloat16) is stored as bytes, its type and shape as a text. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genbench.errors import PluginError
from genbench.util.tensor_files import read_tensors, write_tensors

State = dict[str, Tensor]
"""A `state_dict`."""

_PLAIN = {
    str(dtype)
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}
"""Types that are stored as they are."""


def checked_state(state: object) -> State:
    """What a model's `state_dict` returned. Raises PluginError unless it holds named, dense tensors and nothing
    else."""
    if not isinstance(state, Mapping):
        raise PluginError(f"state_dict returned {type(state).__name__}, expected tensors by name")
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise PluginError(
                f"state_dict holds {type(value).__name__} as {name!r}, expected nothing but tensors"
            )
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise PluginError(f"state_dict holds {name!r}, which is no dense tensor with values")
    return dict(state)


def save_state(state: State, path: Path) -> None:
    """Write a state atomically. Raises OSError or SafetensorError if it cannot be written."""
    tensors: State = {}
    texts: dict[str, str] = {}
    for name, value in state.items():
        tensors[name] = _as_bytes(value)
        if tensors[name] is not value:
            texts[name] = f"{value.dtype} {','.join(map(str, value.shape))}"
    write_tensors(tensors, path, texts)


def load_state(path: Path) -> State:
    """Read a state, on the CPU. Raises FileNotFoundError, and DataError if the file is damaged."""
    file = read_tensors(path)
    return {name: _from_bytes(value, file.texts.get(name)) for name, value in file.tensors.items()}


def state_hash(state: State) -> str:
    """A hash of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(_as_bytes(value).detach().cpu().numpy()).data)
    return digest.hexdigest()


def _as_bytes(value: Tensor) -> Tensor:
    """The tensor itself if its type is one of `_PLAIN`, else its bytes."""
    if str(value.dtype) in _PLAIN:
        return value
    whole = value.detach().resolve_conj().resolve_neg()
    return whole.contiguous().reshape(-1).view(torch.uint8)


def _from_bytes(stored: Tensor, description: str | None) -> Tensor:
    if description is None:
        return stored
    dtype, _, shape = description.partition(" ")
    sizes = [int(size) for size in shape.split(",") if size]
    aligned = stored.clone()  # in the file, bytes may begin anywhere
    return aligned.view(getattr(torch, dtype.removeprefix("torch."))).reshape(sizes)
