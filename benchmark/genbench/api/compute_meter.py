"""The meter that `fit` is given: it yields the batches, counts what they cost, and ends the loop.

The clock runs only while the model trains. It stands still during checkpoints and during steps whose FLOPs are
counted: counting slows a step down, so such a step is charged at the price of the next ordinary one. On a GPU the clock
is read after the device has finished its work.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.budget import CHECKPOINT_FRACTIONS, Budget
from genbench.api.clocks import ExcludingClock, process_cpu_seconds
from genbench.api.data import Batch, Split, working_dtype
from genbench.api.flop_counter import FlopCounter
from genbench.errors import Diverged

# A split up to this size is moved to the device as a whole; a larger one, batch by batch.
RESIDENT_BYTES = 2**30
_REPORT_EVERY_SECONDS = 0.2
# On a GPU the clock is exact only after a wait for the device, and waiting at every step would stall the device.
_SYNCHRONISE_EVERY_SECONDS = 0.02


@dataclass(frozen=True)
class Spent:
    """What training has cost so far."""

    fraction: float
    """Share of the budget that is used, 0 to 1: the largest of the shares of its limits."""
    seconds: float
    """Time by the wall clock."""
    steps: int
    """Batches."""
    examples: int
    """Examples, counted as often as they were used."""
    flops: float
    """Floating-point operations."""
    cpu_seconds: float = 0.0
    """Processor time of the process, all threads together."""


class ComputeMeter:
    """Yields training data until a budget is used up.

        for batch in meter.batches(train, batch_size=64):
            loss = ...
            meter.log(loss=loss)

    budget: the limits. device: where the batches are to be. seed: determines the order of the examples.
    valid: the validation split, for models that choose something on it while they train.
    fractions: shares of the budget at which checkpoints are taken. on_checkpoint: called there with `Spent`, off the
    clock. on_progress: called with `Spent` and the last losses, about five times per second. clock: seconds.

    The limits on steps, examples and FLOPs are never exceeded, except that the first step always runs. The limit on
    seconds is exceeded by one step at most.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        device: torch.device | str = "cpu",
        seed: int = 0,
        valid: Split | None = None,
        fractions: tuple[float, ...] = CHECKPOINT_FRACTIONS,
        on_checkpoint: Callable[[Spent], None] | None = None,
        on_progress: Callable[[Spent, dict[str, float]], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = process_cpu_seconds,
    ) -> None:
        self.budget = budget
        self.device = torch.device(device)
        self.flop_counter = FlopCounter()
        self._valid = valid
        self._order = torch.Generator().manual_seed(seed)
        self._fractions = sorted(fractions)
        self._on_checkpoint = on_checkpoint
        self._on_progress = on_progress
        self._wall = ExcludingClock(clock)
        self._cpu = ExcludingClock(cpu_clock)
        self._steps = 0
        self._examples = 0
        self._flops = 0.0
        self._started = False
        self._uncharged_steps = 0  # steps counted for FLOPs, to be charged at the next step's price
        self._now = 0.0
        self._cpu_now = 0.0
        self._next_report = 0.0
        self._next_synchronise = 0.0
        self._losses: dict[str, float | Tensor] = {}
        self._binding: str | None = None

    # ---- for models

    @property
    def valid(self) -> Split:
        """The validation split. Time spent on it counts."""
        if self._valid is None:
            raise ValueError(
                "this meter was made without a validation split; pass ComputeMeter(..., valid=split)"
            )
        return self._valid

    @property
    def fraction(self) -> float:
        """Share of the budget that was used at the last step, 0 to 1: for learning-rate schedules."""
        return self._fraction()

    def batches(
        self, train: Split, batch_size: int, *, cycle: int = 1, until: float = 1.0
    ) -> Iterator[Batch]:
        """Shuffled batches, epoch after epoch, until the budget is used up.

        cycle: the period of a loop whose steps differ, such as 5 where the generator learns at every fifth step; FLOPs
        are counted over one whole period. until: the share of the budget at which this loop ends, for models that train
        in stages.

        An epoch's incomplete last batch is left out, unless it is the only one. Where a split has grey levels, they are
        drawn anew for each batch.
        """
        self.start()
        self._binding = None
        count = len(train)
        if count == 0:
            raise ValueError(f"{train.spec.name}: no training examples")
        size = min(batch_size, count, self.budget.examples or count)
        if train.x.device != self.device and train.x.nbytes <= RESIDENT_BYTES:
            train = train.to(self.device)
        x, y, grey, dtype = train.x, train.y, train.grey, working_dtype(train.spec)
        counted = self.flop_counter
        price = {(size, phase): counted.price((tuple(x.shape[1:]), size, phase)) for phase in range(cycle)}
        step = 0
        while True:
            order = torch.randperm(count, generator=self._order).to(x.device)
            for start in range(0, count - size + 1, size):
                if self._exhausted(size, until):
                    return
                index = order[start : start + size]
                examples = x[index] if grey is None else self._binarised(grey[index])
                batch = Batch(
                    examples.to(self.device, dtype), None if y is None else y[index].to(self.device)
                )
                known = price[size, step % cycle]
                if known is None:
                    key = (tuple(x.shape[1:]), size, step % cycle)
                    began = self._read()
                    with counted.counting(key):
                        yield batch
                    known = price[size, step % cycle] = counted.price(key) or 0.0
                    self._defer(began)
                elif self._uncharged_steps:
                    began = self._read()
                    yield batch
                    self._charge_deferred(began)
                else:
                    yield batch
                step += 1
                self._steps += 1
                self._examples += size
                self._flops += known
                self._tick()

    def log(self, **losses: float | Tensor) -> None:
        """Note the current losses. A tensor's value is read only when it is reported, so that the device need not be
        waited for."""
        self._losses = {
            name: loss.detach() if isinstance(loss, Tensor) else loss for name, loss in losses.items()
        }

    def charge(self, *, steps: int = 0, examples: int = 0, flops: float = 0.0) -> None:
        """Add the cost of work that used no `batches`, such as a closed-form fit. Its time is on the clock."""
        self.start()
        self._steps += steps
        self._examples += examples
        self._flops += flops
        self._tick()

    # ---- for the harness

    def start(self) -> None:
        """Start the clock. Later calls do nothing."""
        if not self._started:
            self._started = True
            self._wait_for_device()
            self._wall.start()
            self._cpu.start()

    def finish(self) -> Spent:
        """Stop the clock and return what was spent. Raises Diverged where the last losses are not finite."""
        self.start()
        for clock in (self._wall, self._cpu):
            clock.charge_all()  # no ordinary step followed the counted ones
        self._uncharged_steps = 0
        self._now, self._cpu_now = self._read()
        self.losses()
        return self.spent()

    def spent(self) -> Spent:
        """What training has cost so far."""
        return Spent(self._fraction(), self._now, self._steps, self._examples, self._flops, self._cpu_now)

    def losses(self) -> dict[str, float]:
        """The last logged losses as numbers. Raises Diverged where one is not finite."""
        values = {name: float(loss) for name, loss in self._losses.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} became {value} by step {self._steps}")
        return values

    def bound_by(self) -> str:
        """The limit that ended the training, or "finished" where the model ended it itself."""
        if self._binding is None:
            for limit, used, size in self._times():
                if used >= size:
                    return limit
        return self._binding or "finished"

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock inside the block."""
        began = self._read()
        try:
            yield
        finally:
            wall, cpu = self._read()
            self._wall.exclude(wall - began[0])
            self._cpu.exclude(cpu - began[1])

    # ---- internals

    def _binarised(self, grey: Tensor) -> Tensor:
        """A fresh draw: 1 with probability grey / 255 (Salakhutdinov & Murray 2008)."""
        noise = torch.rand(grey.shape, generator=self._order)
        return noise.to(grey.device) * 255 < grey

    def _wait_for_device(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _read(self) -> tuple[float, float]:
        """Training seconds so far, by the wall clock and of the processor, after waiting for the device."""
        self._wait_for_device()
        return self._wall.seconds(), self._cpu.seconds()

    def _times(self) -> Iterator[tuple[str, float, float]]:
        """Limits that are times: name, used, allowed."""
        budget = self.budget
        if budget.seconds is not None:
            yield "seconds", self._now, budget.seconds
        if budget.cpu_seconds is not None:
            yield "cpu_seconds", self._cpu_now, budget.cpu_seconds

    def _used(self) -> Iterator[tuple[str, float, float]]:
        """All limits: name, used, allowed."""
        budget = self.budget
        yield from self._times()
        if budget.steps is not None:
            yield "steps", self._steps, budget.steps
        if budget.examples is not None:
            yield "examples", self._examples, budget.examples
        if budget.flops is not None:
            yield "flops", self._flops, budget.flops

    def _fraction(self) -> float:
        return min(1.0, max((used / size for _, used, size in self._used()), default=0.0))

    def _exhausted(self, batch_size: int, until: float) -> bool:
        """Whether another step would exceed a limit."""
        if self._steps == 0:
            return False
        budget = self.budget
        if budget.seconds is not None and self._now >= until * budget.seconds:
            self._binding = "seconds"
        elif budget.cpu_seconds is not None and self._cpu_now >= until * budget.cpu_seconds:
            self._binding = "cpu_seconds"
        elif budget.steps is not None and self._steps + 1 > until * budget.steps:
            self._binding = "steps"
        elif budget.examples is not None and self._examples + batch_size > until * budget.examples:
            self._binding = "examples"
        elif budget.flops is not None and self._flops * (1 + 1 / self._steps) > until * budget.flops:
            self._binding = "flops"
        else:
            return False
        return True

    def _defer(self, began: tuple[float, float]) -> None:
        """The step since `began` was counted for its FLOPs; it is charged when an ordinary step shows the price."""
        wall, cpu = self._read()
        self._wall.defer(wall - began[0])
        self._cpu.defer(cpu - began[1])
        self._uncharged_steps += 1

    def _charge_deferred(self, began: tuple[float, float]) -> None:
        """Charge the counted steps at the price of the ordinary step since `began`."""
        wall, cpu = self._read()
        self._wall.charge_deferred((wall - began[0]) * self._uncharged_steps)
        self._cpu.charge_deferred((cpu - began[1]) * self._uncharged_steps)
        self._uncharged_steps = 0

    def _tick(self) -> None:
        """After each step: read the clock, report, take a checkpoint where one is due."""
        now = self._wall.seconds()
        if self.device.type == "cuda" and now >= self._next_synchronise:
            now, self._cpu_now = self._read()
            self._next_synchronise = now + _SYNCHRONISE_EVERY_SECONDS
        elif self.budget.cpu_seconds is not None:
            self._cpu_now = self._cpu.seconds()
        self._now = now
        if now >= self._next_report:
            self._next_report = now + _REPORT_EVERY_SECONDS
            losses = self.losses()
            if self._on_progress is not None:
                self._on_progress(self.spent(), losses)
        used = self._fraction() if self._fractions else 0.0
        if self._fractions and used >= self._fractions[0]:
            self._fractions = [fraction for fraction in self._fractions if fraction > used]
            self.losses()
            if self._on_checkpoint is not None:
                self._cpu_now = self._cpu.seconds()
                with self.paused():
                    self._on_checkpoint(self.spent())
