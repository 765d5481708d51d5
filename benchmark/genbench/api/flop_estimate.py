"""The FLOPs of a long training, from counts of some of its steps.

Counting makes a step two to five times slower, so that not every step can be counted. Which steps are, depends on what
was counted before and on nothing else, so that two equal trainings get equal counts:

- At first every step is counted. Later the gap between two counts grows with the steps that were taken, up to a
  sixteenth of them and to 64 steps: a training whose steps are all alike has 16 counts in its first 16 steps, about 70
  in 500 and 100 in 2,000.
- Where neighbouring counts differ, gaps are smaller. They are chosen so that the standard error of the sum, as the
  variance of neighbouring counts predicts it, is 3 % of the sum where the costs of steps are independent.
- Each gap is drawn uniformly from half to one and a half times its length, because a fixed one could meet a loop that
  repeats itself always in the same place.
- Where the first 48 counts repeat themselves exactly (a critic that trains five times per step of the generator), or
  where the model declares its period, the steps that follow are expected to repeat them too, and what is estimated from
  further counts is the difference.
- A new loop over batches, such as a second stage, has its first step counted.

Steps between two counts get the mean of the two (the trapezoidal rule), those after the last count the mean of the
last counts. Where costs jump within a loop, the sum is off by half a gap at most: 3/64 of the steps taken until then,
or 48 of them. Costs that rise for a shorter time than a gap, or in less than one step of a hundred, can be missed.
"""

from __future__ import annotations

import random

MAX_GAP_STEPS = 64
"""The longest mean gap between two counts."""
MAX_GAP_SHARE = 1 / 16
"""The longest mean gap, as a share of the steps that were taken."""
TARGET_ERROR = 0.03
"""The relative standard error of the sum at which the gaps aim."""
MIN_GAP_STEPS_LATER = 4
"""The shortest mean gap after `SOON_STEPS`: past them, more counting would cost more than it tells."""
SOON_STEPS = 512
"""Steps of which all may be counted, if their costs differ much."""
_PATTERN_STEPS = 48  # in which a pattern must be seen twice
_RECENT_COUNTS = 16  # whose mean is the price of a step until the next count
_COMPARED_COUNTS = 32  # from which the variance is estimated
# Every loop may have its first step counted, but a model may begin a loop for every step.
_FREE_RESTARTS = 8
_STEPS_PER_COUNT = 32


class FlopEstimate:
    """The FLOPs of the steps of one batch size, of which some are counted.

    period: after how many steps a loop repeats itself, as the model declares it.
    """

    def __init__(self, period: int = 1) -> None:
        self.uncounted_left = 0
        """How many steps come before the next one that is to be counted."""
        self._declared = period
        self._dense_steps = 2 * period if period > 1 else 1  # all are counted
        self._first: list[float] = []  # the counts of the first steps, as long as all were counted
        self._pattern: list[float] = [0.0]
        self._place = 0  # in the pattern
        self._residual = 0.0  # the mean of the last counts, above the pattern
        self._last = 0.0  # the last count, above the pattern
        self._pending = 0  # steps since the last count
        self._variance = 0.0  # of neighbouring counts, above the pattern
        self._compared = 0
        self._steps = 0
        self._counts = 0
        self._restarts = 0
        self._total = 0.0
        self._random = random.Random(0)

    @property
    def price(self) -> float:
        """The FLOPs that the next step is expected to cost."""
        return self._pattern[self._place] + self._residual

    def restart(self) -> None:
        """A new loop begins, whose steps may cost something else: its first step is counted. Where a model begins very
        many loops, those of some are."""
        self._place = self._pending = 0  # the steps before keep the price that they had
        if self._restarts < _FREE_RESTARTS or self._counts * _STEPS_PER_COUNT <= self._steps:
            self._restarts += 1
            self.uncounted_left = 0

    def skip(self) -> float:
        """A step that was not counted. Returns the FLOPs to add to the sum."""
        flops = self._pattern[self._place] + self._residual
        self.uncounted_left -= 1
        self._pending += 1
        self._advance(flops)
        return flops

    def count(self, flops: float) -> float:
        """A step that cost `flops`. Returns the FLOPs to add to the sum: its own, and what corrects those of the steps
        since the last count."""
        above = flops - self._pattern[self._place]
        added = flops + self._pending * ((self._last + above) / 2 - self._residual)
        if self._compared:
            half_square = (above - self._last) ** 2 / 2
            self._variance += (half_square - self._variance) / min(self._compared, _COMPARED_COUNTS)
        self._compared += 1
        self._residual += (above - self._residual) / min(self._compared, _RECENT_COUNTS)
        self._last, self._pending = above, 0
        if len(self._first) == self._steps < max(_PATTERN_STEPS, self._dense_steps):
            self._first.append(flops)
        self._counts += 1
        self._advance(added)
        self._look_for_pattern()
        self.uncounted_left = self._next_gap() - 1
        return added

    def _advance(self, flops: float) -> None:
        self._steps += 1
        self._total += flops
        self._place += 1
        if self._place == len(self._pattern):
            self._place = 0

    def _look_for_pattern(self) -> None:
        """From the first steps; later ones change nothing in it."""
        if len(self._first) != self._steps or len(self._pattern) > 1:
            return
        if self._declared > 1:
            if self._steps == self._dense_steps:
                self._expect(self._first[self._declared :])
        elif self._steps == _PATTERN_STEPS and self._variance > 0.0:
            for period in range(2, _PATTERN_STEPS // 2 + 1):
                if self._first[period:] == self._first[:-period]:
                    self._expect(self._first[:period])
                    break

    def _expect(self, pattern: list[float]) -> None:
        """From now on counts are compared with the pattern."""
        self._pattern, self._place = pattern, self._steps % len(pattern)
        self._last = self._residual = self._variance = 0.0
        self._compared = 1

    def _next_gap(self) -> int:
        """Steps from this count to the next.

        Where gaps are r times the steps taken, the sum over n steps has the variance r n^2 / 2 times that of a step.
        """
        if self._steps < self._dense_steps:
            return 1
        share = MAX_GAP_SHARE
        if self._variance > 0.0:
            mean = self._total / self._steps
            share = min(share, 2 * (TARGET_ERROR * mean) ** 2 / self._variance)
        least = 1 if self._steps < SOON_STEPS else MIN_GAP_STEPS_LATER
        gap = min(MAX_GAP_STEPS, max(least, share * self._steps))
        return max(1, round(gap * self._random.uniform(0.5, 1.5)))
