"""Seeds for named axes of randomness, and the state of the global random generators."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(root: int, *axes: str) -> int:
    """A seed of 63 bits for one axis of randomness. Seeds of different axes are independent.

    axes: names of the axis, "digits", "sampling". Those of the data order and of sampling leave out the model, so that
    models are compared on the same draws.
    """
    text = "/".join((str(root), *axes))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch, any of which a plugin may use."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


@contextmanager
def preserved_generators(device: torch.device | None = None) -> Iterator[None]:
    """Restore every global generator after the block.

    device: a GPU whose generator is restored as well as the CPU's.
    """
    import torch

    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    devices = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed every global generator for the block, and restore it afterwards.

    device: a GPU whose generator is meant as well as the CPU's.
    """
    with preserved_generators(device):
        seed_everything(seed)
        yield
