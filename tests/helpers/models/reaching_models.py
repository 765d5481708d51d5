"""Models that reach for what is not theirs: the harness's code, torch's settings, the test split, state that nobody
saves. Loaded by real workers."""

from __future__ import annotations

import gc
from typing import Any

import torch
from hostile_models import Good, RightLikelihood, tiny_dataset
from torch import Tensor

import genbench.metrics.frechet
from genbench import ComputeMeter, DataSpec, MetricValue, Split


def claim_zero(inputs: Any) -> list[MetricValue]:
    return [
        MetricValue(name="frechet_distance", value=0.0, unit="squared feature units", better="lower", n=16)
    ]


class PatchesTheHarness(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        genbench.metrics.frechet.score_frechet = claim_zero  # type: ignore[assignment]
        super().fit(train, meter)


class WantsDoublesInFit(Good):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        torch.set_default_dtype(torch.float64)
        super().fit(train, meter)


class RemembersElsewhere(Good):
    """Its mean is a plain attribute when it samples."""

    def __init__(self, spec: DataSpec, *, rate: float = 0.1) -> None:
        super().__init__(spec, rate=rate)
        self.shift = 0.0

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        super().fit(train, meter)
        self.shift = 100.0

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return super().sample(count, generator) + self.shift


class GrowsWhileItTrains(Good):
    """A layer that only `fit` makes."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.extra = torch.nn.Linear(2, 2)
        super().fit(train, meter)


class SavesText(Good):
    def get_extra_state(self) -> dict[str, str]:
        return {"a": "b"}

    def set_extra_state(self, state: Any) -> None: ...


class LearnsWhileItSamples(Good):
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        with torch.no_grad():
            self.mean += 0.01
        return super().sample(count, generator)


class LearnsWhileItIsAsked(RightLikelihood):
    def log_prob(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.mean += 0.01
        return super().log_prob(x)


class ChangesItsStateDict(Good):
    def state_dict(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        state: dict[str, Any] = super().state_dict(*arguments, **options)
        return {name: value + 1e-3 * torch.rand(()) for name, value in state.items()}


class HasHalfPrecision(Good):
    """Buffers of a type that numpy lacks, of no dimension and of no element."""

    def __init__(self, spec: DataSpec, *, rate: float = 0.1) -> None:
        super().__init__(spec, rate=rate)
        self.register_buffer("coarse", torch.zeros((), dtype=torch.bfloat16))
        self.register_buffer("odd", torch.zeros(3, dtype=torch.uint8))
        self.register_buffer("phase", torch.zeros(2, dtype=torch.complex64))
        self.register_buffer("nothing", torch.zeros(0, 4))

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.coarse.fill_(1.5)
        self.odd.fill_(7)
        self.phase.fill_(1j)
        super().fit(train, meter)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        assert isinstance(self.coarse, Tensor)
        assert isinstance(self.odd, Tensor)
        assert isinstance(self.phase, Tensor)
        shift = float(self.coarse) + float(self.odd.sum()) + float(self.phase.imag.sum())
        return super().sample(count, generator) + shift


class SearchesForTheTestSplit(Good):
    """Its losses say how many of the process's tensors hold an example of each split."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        found = {"train": 0, "valid": 0, "test": 0}
        with_values = [
            thing
            for thing in gc.get_objects()
            if isinstance(thing, Tensor)
            and thing.ndim == 2
            and thing.shape[1] == 2
            and thing.is_floating_point()
        ]
        wanted = tiny_dataset()
        for name in found:
            example = getattr(wanted, name).x[3]
            found[name] = sum(bool((tensor == example).all(1).any()) for tensor in with_values)
        for _ in meter.batches(train, batch_size=8):
            meter.log(**{name: float(count) for name, count in found.items()})
