"""The meter that `fit` is given: it yields the batches, counts what they cost, and ends the loop.

The clocks, of the wall and of the processor, begin with what building the model has cost, and run while `fit` does:
before the first batch, during every batch, and after the last one. They stand still during checkpoints. On a GPU they
are read after the device has finished its work.

Some steps are counted for their FLOPs (`genbench.api.flop_estimate`), which slows them down. Such a step is charged at
the price of the next ordinary one, but never less than it took without what counting may have taken:
`MAX_COUNTING` times what it takes per operator of torch on this machine, times the operators of the step. That bounds
what a model could hide by being slow in counted steps alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from genbench.api.batching import binarised, of_like_lengths
from genbench.api.budget import CHECKPOINT_FRACTIONS, Budget, overrun
from genbench.api.clocks import ExcludingClock, process_cpu_seconds
from genbench.api.data import Batch, Split, working_dtype
from genbench.api.flop_counter import counting, counting_seconds_per_operator
from genbench.api.flop_estimate import FlopEstimate
from genbench.errors import Diverged, PluginError
from genbench.util.usable_cores import usable_cores

# A split up to this size is moved to the device as a whole; a larger one, batch by batch.
RESIDENT_BYTES = 2**30
MAX_COUNTING = 2.0
"""Counting a step's FLOPs may take so many times what was measured per operator, before the rest is charged."""
MIN_OUTSIDE_SECONDS = 1.0
"""Less time outside of batches says nothing."""
UNCHARGED = "fit must take its batches from meter.batches or charge its cost with meter.charge"
"""What is said of a `fit` that charged nothing."""
NO_FLOPS = "no floating-point operations are counted for this model; give its budget in steps or seconds"
"""What is said of a model that a budget of FLOPs alone would never end."""
_STEPS_WITHOUT_FLOPS = 100  # after which none are expected any more
_REPORT_EVERY_SECONDS = 0.2
# On a GPU the clock is exact only after a wait for the device, and waiting at every step would stall the device.
_SYNCHRONISE_EVERY_SECONDS = 0.02
_MAX_CPU_GAP_SECONDS = 0.005


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
    is_last_stage: bool = True
    """False in a loop that ends before the budget does: another part of the model is then still untrained."""


class ComputeMeter:
    """Yields training data until a budget is used up.

        for batch in meter.batches(train, batch_size=64):
            loss = ...
            meter.log(loss=loss)

    budget: the limits. device: where the batches are to be. seed: determines the order of the examples.
    valid: the validation split, for models that choose something on it while they train.
    fractions: shares of the budget at which checkpoints are taken. on_checkpoint: called there with `Spent`, off the
    clock. on_progress: called with `Spent` and the last losses, about five times per second. clock, cpu_clock: seconds.
    construction_seconds, construction_cpu_seconds: what building the model has cost, with which the clocks begin.

    Batches never exceed the limits on steps and examples, nor that on FLOPs as far as these are known, except that the
    first step always runs. They exceed the limits on seconds by one step at most.
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
        construction_seconds: float = 0.0,
        construction_cpu_seconds: float = 0.0,
    ) -> None:
        self.budget = budget
        self.device = torch.device(device)
        self._valid = valid
        self._order = torch.Generator().manual_seed(seed)
        self._fractions = sorted(fractions)
        self._on_checkpoint = on_checkpoint
        self._on_progress = on_progress
        self._wall = ExcludingClock(clock)
        self._cpu = ExcludingClock(cpu_clock)
        self._construction = construction_seconds, construction_cpu_seconds
        self._steps = 0
        self._batches = 0  # those of the steps that were handed out here
        self._examples = 0
        self._flops = 0.0
        self._estimates: dict[Hashable, FlopEstimate] = {}
        self._is_counting = False
        self._started = False
        self._uncharged_steps = 0  # steps counted for FLOPs, to be charged at the next step's price
        self._now = 0.0
        self._cpu_now = 0.0
        # Reading the processor time is a system call. Between two readings it grows by the wall clock's time on all
        # cores at most, so that it need not be read while the next mark is farther away. Clocks of tests have no such
        # bound.
        real = clock is time.perf_counter and cpu_clock is process_cpu_seconds
        self._cores = usable_cores() if real else None
        self._next_cpu_look = 0.0
        self._loops = 0  # calls of `batches` that have not ended
        self._left_batches = 0.0  # when the last of them ended
        self._outside = 0.0
        self._next_report = 0.0
        self._next_synchronise = 0.0
        self._losses: dict[str, float | Tensor] = {}
        self._binding: str | None = None
        others = (budget.seconds, budget.cpu_seconds, budget.steps, budget.examples)
        self._limited_by_flops_alone = all(limit is None for limit in others)
        self._until = 1.0  # of the loop that runs

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
        are then known after two periods. until: the share of the budget at which this loop ends, for models that train
        in stages.

        An epoch's incomplete last batch is left out, unless it is the only one. Where a split has grey levels, they are
        drawn anew for each batch. Pieces of different lengths are batched with others of about their length, so that
        little of a batch is padding. Every batch that was handed out is charged, whether or not the loop goes on after
        it.

        Raises PluginError where FLOPs alone limit the training and none are counted.
        """
        self.start()
        self._binding, self._until = None, until
        count = len(train)
        if count == 0:
            raise ValueError(f"{train.spec.name}: no training examples")
        size = min(batch_size, count, self.budget.examples or count)
        if train.x.device != self.device and train.x.nbytes <= RESIDENT_BYTES:
            train = train.to(self.device)
        x, y, grey, lengths, dtype = train.x, train.y, train.grey, train.lengths, working_dtype(train.spec)
        fits = (
            x.device == self.device and x.dtype == dtype
        )  # `to` takes a microsecond even where it does nothing
        if not self._estimates:
            with self._paused():
                counting_seconds_per_operator()  # measured once in a process
        estimate = self._estimates.setdefault((tuple(x.shape[1:]), size, cycle), FlopEstimate(cycle))
        estimate.restart()
        self._enter_loop()
        try:
            while True:
                order = torch.randperm(count, generator=self._order).to(x.device)
                if lengths is not None:
                    order = of_like_lengths(order, lengths, size, self._order)
                for start in range(0, len(order) - size + 1, size):
                    if self._exhausted(size, estimate, until):
                        return
                    index = order[start : start + size]
                    if lengths is not None:
                        examples = x[index, : int(lengths[index].max())]
                    else:
                        examples = x[index] if grey is None else binarised(grey[index], self._order)
                    batch = Batch(
                        examples if fits and grey is None else examples.to(self.device, dtype),
                        None if y is None else y[index].to(self.device),
                        None if lengths is None else lengths[index].to(self.device),
                    )
                    # `finally`: a loop that is left after this batch has had it
                    if estimate.uncounted_left or self._is_counting:
                        began = self._read() if self._uncharged_steps else None
                        try:
                            yield batch
                        finally:
                            if began is not None and not self._is_counting:
                                self._charge_deferred(began)
                            self._add(size, estimate.skip())
                    else:
                        began, self._is_counting = self._read(), True
                        try:
                            with counting() as counted:
                                yield batch
                        finally:
                            self._is_counting = False
                            self._defer(began, counted.operators)
                            self._add(size, estimate.count(counted.flops))
                    self._tick()
        finally:
            self._leave_loop()

    def log(self, **losses: float | Tensor) -> None:
        """Note the current losses. A tensor's value is read only when it is reported, so that the device need not be
        waited for."""
        self._losses = {
            name: loss.detach() if isinstance(loss, Tensor) else loss for name, loss in losses.items()
        }

    def charge(self, *, steps: int = 0, examples: int = 0, flops: float = 0.0) -> None:
        """Add the cost of work that used no `batches`, such as a closed-form fit. Its time is on the clock.

        Raises ValueError for a negative cost.
        """
        if min(steps, examples, flops) < 0:
            raise ValueError(
                f"meter.charge(steps={steps}, examples={examples}, flops={flops}): nothing is given back"
            )
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
            self._wall.start(self._construction[0])
            self._cpu.start(self._construction[1])
            self._left_batches = self._construction[0]

    def finish(self) -> Spent:
        """Stop the clock and return what was spent. Raises Diverged where the last losses are not finite."""
        self.start()
        for clock in (self._wall, self._cpu):
            clock.charge_likely()  # no ordinary step followed the counted ones
        self._uncharged_steps = 0
        self._until = 1.0  # what the model is now is what the training leaves
        self._now, self._cpu_now = self._read()
        if self._loops == 0:
            self._outside += self._now - self._left_batches
            self._left_batches = self._now
        self.losses()
        return self.spent()

    def check_charged(self) -> None:
        """Raises PluginError where `fit` took no batch and charged nothing."""
        if not (self._steps or self._examples or self._flops):
            raise PluginError(UNCHARGED)

    def spent(self) -> Spent:
        """What training has cost so far."""
        return Spent(
            self._fraction(),
            self._now,
            self._steps,
            self._examples,
            self._flops,
            self._cpu_now,
            is_last_stage=self._until >= 1.0,
        )

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

    @property
    def seconds_outside_batches(self) -> float:
        """Time of `fit` before the first loop over batches, between loops and after the last one; up to the call of
        `finish`."""
        return self._outside

    def overrun(self) -> float:
        """By which share the training exceeded the limit that it exceeded most, after `finish`. 0 where it exceeded
        each by a tenth or by one step at most.

        One step is a mean one, of those that `batches` handed out: 60 s in the constructor or in a loop of the model's
        own are no step.
        """
        batches = max(1, self._batches)
        in_batches = max(0.0, self._now - self._construction[0] - self._outside)
        share = in_batches / self._now if self._now > 0 and self._batches else 0.0
        one_step = {
            "seconds": in_batches / batches if self._batches else 0.0,
            "cpu_seconds": share * self._cpu_now / batches,
            "steps": 1.0,
            "examples": self._examples / self._steps if self._steps else 0.0,
            "flops": self._flops / self._steps if self._steps else 0.0,
        }
        return overrun(self._used(), one_step)

    def warning(self) -> str | None:
        """What a reader should know of the training's accounts, after `finish`; None if nothing.

        A budget without a limit on time sees the steps only, and says little where most of the time lies outside.
        """
        in_fit = self._now - self._construction[0]
        if not self.budget.is_repeatable or self._outside <= max(MIN_OUTSIDE_SECONDS, in_fit / 2):
            return None
        return (
            f"{self._outside:.2g} of the {in_fit:.2g} s of fit lie outside of meter.batches, where its budget of"
            f" {self.budget} limits nothing"
        )

    # ---- internals

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Stop the clocks inside the block."""
        began = self._read()
        try:
            yield
        finally:
            wall, cpu = self._read()
            self._wall.exclude(wall - began[0])
            self._cpu.exclude(cpu - began[1])

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
        # asked for at every step: written out, since a loop over `_used` takes as long as the rest of the meter
        budget, fraction = self.budget, 0.0
        if budget.seconds is not None:
            fraction = max(fraction, self._now / budget.seconds)
        if budget.cpu_seconds is not None:
            fraction = max(fraction, self._cpu_now / budget.cpu_seconds)
        if budget.steps is not None:
            fraction = max(fraction, self._steps / budget.steps)
        if budget.examples is not None:
            fraction = max(fraction, self._examples / budget.examples)
        if budget.flops is not None:
            fraction = max(fraction, self._flops / budget.flops)
        return min(1.0, fraction)

    def _exhausted(self, batch_size: int, estimate: FlopEstimate, until: float) -> bool:
        """Whether another step would exceed a limit. estimate: knows the FLOPs that it is expected to cost."""
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
        elif budget.flops is not None and self._flops + estimate.price > until * budget.flops:
            self._binding = "flops"
        else:
            if self._limited_by_flops_alone and not self._flops and self._steps >= _STEPS_WITHOUT_FLOPS:
                raise PluginError(NO_FLOPS)
            return False
        return True

    def _enter_loop(self) -> None:
        if self._loops == 0:
            self._outside += self._wall.seconds() - self._left_batches
        self._loops += 1

    def _leave_loop(self) -> None:
        self._loops -= 1
        if self._loops == 0:
            self._left_batches = self._wall.seconds()

    def _add(self, examples: int, flops: float) -> None:
        """A batch was handed out and used."""
        self._steps += 1
        self._batches += 1
        self._examples += examples
        self._flops += flops

    def _defer(self, began: tuple[float, float], operators: int) -> None:
        """The step since `began` was counted for its FLOPs; what counting may have taken is charged when an ordinary
        step shows the price."""
        wall, cpu = self._read()
        likely = counting_seconds_per_operator() * operators
        self._wall.defer(wall - began[0], likely, MAX_COUNTING * likely)
        self._cpu.defer(cpu - began[1], likely, MAX_COUNTING * likely)
        self._uncharged_steps += 1

    def _charge_deferred(self, began: tuple[float, float]) -> None:
        """Charge the counted steps at the price of the ordinary step since `began`."""
        wall, cpu = self._read()
        self._wall.charge_deferred((wall - began[0]) * self._uncharged_steps)
        self._cpu.charge_deferred((cpu - began[1]) * self._uncharged_steps)
        self._uncharged_steps = 0

    def _cpu_left(self) -> float:
        """Processor seconds to the next moment at which a loop ends or a checkpoint is due."""
        assert self.budget.cpu_seconds is not None
        mark = min((self._until, *self._fractions[:1]))
        return max(0.0, mark * self.budget.cpu_seconds - self._cpu_now)

    def _tick(self) -> None:
        """After each step: read the clock, report, take a checkpoint where one is due."""
        now = self._wall.seconds()
        if self.device.type == "cuda" and now >= self._next_synchronise:
            now, self._cpu_now = self._read()
            self._next_synchronise = now + _SYNCHRONISE_EVERY_SECONDS
        elif self.budget.cpu_seconds is not None and now >= self._next_cpu_look:
            self._cpu_now = self._cpu.seconds()
            if self._cores is not None:
                self._next_cpu_look = now + min(_MAX_CPU_GAP_SECONDS, self._cpu_left() / self._cores)
        self._now = now
        if now >= self._next_report:
            self._next_report = now + _REPORT_EVERY_SECONDS
            losses = self.losses()
            if self._on_progress is not None:
                self._on_progress(self.spent(), losses)
        if self._fractions and (used := self._fraction()) >= self._fractions[0]:
            self._fractions = [fraction for fraction in self._fractions if fraction > used]
            self.losses()
            if self._on_checkpoint is not None:
                self._cpu_now = self._cpu.seconds()
                with self._paused():
                    self._on_checkpoint(self.spent())
