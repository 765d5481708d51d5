"""A dictionary of single symbols: what translation is worth where order and context are left alone."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class WordByWord(GenerativeModel):
    """p(source) is that of independent steps. Each step of the target depends on the step of the source at the same
    place, with the same table at all places; steps beyond the source's length depend on the symbol 0.

    Tables are counts of the training pairs, `smoothing` added to each (Lidstone). The translation is the most frequent
    symbol of each row.
    """

    log_source: Tensor
    log_target: Tensor

    def __init__(self, spec: DataSpec, *, smoothing: float = 0.1) -> None:
        super().__init__(spec)
        if smoothing <= 0:
            raise ValueError(f"smoothing={smoothing}, expected more than 0")
        if spec.source_steps is None or spec.levels is None:
            raise ValueError(f"{spec.name} has no pairs of source and target")
        self.smoothing, self.levels, self.source = smoothing, spec.levels, spec.source_steps
        even = -torch.tensor(float(spec.levels)).log()
        self.register_buffer("log_source", even.expand(self.source, spec.levels).clone())
        self.register_buffer("log_target", even.expand(spec.levels, spec.levels).clone())

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        x = train.tensor().to(self.device)
        source, beside, target = self._parts(x)
        counts = torch.nn.functional.one_hot(source, self.levels).sum(0).double() + self.smoothing
        self.log_source = (counts / counts.sum(1, keepdim=True)).log().float()
        pairs = (beside * self.levels + target).flatten().bincount(minlength=self.levels**2)
        table = pairs.reshape(self.levels, self.levels).double() + self.smoothing
        self.log_target = (table / table.sum(1, keepdim=True)).log().float()
        meter.charge(steps=1, examples=len(train), flops=float(x.numel()))

    def _parts(self, x: Int[Tensor, "batch steps"]) -> tuple[Tensor, Tensor, Tensor]:
        """The source; the step of the source beside each step of the target, 0 where there is none; the target."""
        source, target = x[:, : self.source], x[:, self.source :]
        longer = max(0, target.shape[1] - self.source)
        beside = torch.nn.functional.pad(source, (0, longer))[:, : target.shape[1]]
        return source, beside, target

    def log_prob(self, x: Int[Tensor, "batch steps"]) -> Float[Tensor, " batch"]:
        """(N,) nats of source and target, exact."""
        source, beside, target = self._parts(x)
        places = torch.arange(self.source, device=x.device)
        return self.log_source[places, source].sum(1) + self.log_target[beside, target].sum(1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count steps"]:
        """(count, T): a source, then a translation that is drawn."""
        x = torch.zeros(count, self.spec.event_shape[0], dtype=torch.int64, device=self.device)
        x[:, : self.source] = torch.multinomial(
            self.log_source.exp(), count, replacement=True, generator=generator
        ).T
        beside = self._parts(x)[1]
        rows = self.log_target.exp()[beside.flatten()]
        x[:, self.source :] = torch.multinomial(rows, 1, generator=generator).reshape(beside.shape)
        return x

    @torch.no_grad()
    def translate(self, x: Int[Tensor, "batch steps"]) -> Int[Tensor, "batch steps"]:
        """The source, and the most frequent symbol beside each of its steps."""
        source, beside, _ = self._parts(x)
        return torch.cat([source, self.log_target.argmax(1)[beside]], 1)
