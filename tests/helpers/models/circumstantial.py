"""A model that fails for what is around it: a module that is not installed, or a process that kills it."""

from __future__ import annotations

import importlib
import os
import signal
from pathlib import Path

import torch

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class Circumstantial(GenerativeModel):
    """needs: a module to import. kills_without: a file without which it is killed."""

    def __init__(self, spec: DataSpec, *, needs: str = "", kills_without: str = "") -> None:
        super().__init__(spec)
        self.needs, self.kills_without = needs, kills_without

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        if self.needs:
            importlib.import_module(self.needs)
        if self.kills_without and not Path(self.kills_without).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        for _ in meter.batches(train, batch_size=16):
            pass

    def sample(self, count: int, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(count, *self.spec.event_shape, generator=generator)
