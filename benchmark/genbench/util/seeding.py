"""Seeds derived along named axes, and the global random generators: seeded, or kept as they are."""

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
    """A seed for one named axis of randomness (63 bits), independent of every other axis.

    Data order and sampling do not name the model, so that paired models share them.
    """
    text = "/".join((str(root), *axes))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed every global generator that a plugin may use: Python's, NumPy's and torch's."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)


@contextmanager
def preserved_generators(device: torch.device | None = None) -> Iterator[None]:
    """Leave every global generator as it was, whatever the block draws from it.

    device: whose generator is kept besides the CPU's.
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
    """Seed every global generator inside the block, and put its state back afterwards.

    device: whose generator is meant besides the CPU's.
    """
    with preserved_generators(device):
        seed_everything(seed)
        yield
