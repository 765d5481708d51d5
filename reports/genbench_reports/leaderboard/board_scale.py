"""What the values of a leaderboard are measured against: real held-out data, the board's zero, and its yardsticks.

A score is the share of the way from the zero to real data that a model has come, on a logarithmic scale:

    score = log(zero / value) / log(zero / floor)

so that it is 0 where the zero is and 1 where real data are, whatever the unit, and each halving of a distance counts as
much as the last. Metrics that are logarithms already are compared by differences. Its error comes from those of all
three values by the delta method.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench.api import Better, RankingRule
from genbench_reports.leaderboard.rows import BASELINE_FAMILY, Row
from genbench_reports.statistics.uncertain_means import UncertainMean, exceeds


@dataclass(frozen=True)
class BoardScale:
    """The calibration of one leaderboard by the metric that ranks. A value is missing where the run has none."""

    better: Better
    """The better direction of the metric."""
    is_logarithmic: bool
    """Whether the metric is a logarithm already."""
    floor: UncertainMean | None
    """The value of real held-out data."""
    zero: UncertainMean | None
    """The value of the board's zero."""
    zero_name: str
    """The baseline that is the zero."""
    yardsticks: Mapping[str, UncertainMean]
    """The values of the zero and of the yardsticks that models are asked to beat, by name."""

    @property
    def span(self) -> float | None:
        """The natural logarithm of how many times as far the zero is from real data as held-out data are. None where
        there is no such scale, and where the metric is a logarithm already."""
        if self.is_logarithmic:
            return None
        points = [None if mean is None else self._height(mean) for mean in (self.zero, self.floor)]
        zero, floor = points
        return None if zero is None or floor is None or floor <= zero else floor - zero

    def excess(self, value: UncertainMean, other: UncertainMean) -> bool:
        """Whether a value is worse than another one beyond chance."""
        return exceeds(self._signed(value), self._signed(other))

    def reaches_floor(self, value: UncertainMean) -> bool:
        """Whether a value is no worse than that of real data beyond chance. False where one of the errors is not known
        and the value is worse."""
        return self.floor is not None and not self.excess(value, self.floor)

    def beats_floor(self, value: UncertainMean) -> bool:
        """Whether a value is better than that of real data beyond chance, which no model can be."""
        floor = self.floor
        return floor is not None and floor.is_known and value.is_known and self.excess(floor, value)

    def not_beaten(self, value: UncertainMean) -> tuple[str, ...]:
        """The zero and the yardsticks that the value does not beat beyond chance."""
        return tuple(name for name, other in self.yardsticks.items() if not self.excess(other, value))

    def score(self, value: UncertainMean) -> UncertainMean | None:
        """The score of a value. None where the board has no floor or no zero, where they do not differ, and where
        logarithms do not exist."""
        if self.floor is None or self.zero is None:
            return None
        points = [self._height(each) for each in (self.zero, value, self.floor)]
        if None in points:
            return None
        zero, height, floor = (point for point in points if point is not None)
        way = floor - zero
        if not way > 0:
            return None
        share = (height - zero) / way
        parts = (
            self._slope(value) * value.stderr / way,
            share * self._slope(self.floor) * self.floor.stderr / way,
            (1 - share) * self._slope(self.zero) * self.zero.stderr / way,
        )
        return UncertainMean(share, known_stderr=math.hypot(*parts), is_known=value.is_known)

    def _signed(self, mean: UncertainMean) -> UncertainMean:
        """The mean with its sign changed where higher is better, so that less is better; its error stays."""
        sign = -1.0 if self.better == "higher" else 1.0
        return UncertainMean(
            sign * mean.value, mean.seeds_stderr, mean.freedom, mean.known_stderr, mean.is_known
        )

    def _height(self, mean: UncertainMean) -> float | None:
        """A number that grows as values get better; None where a logarithm does not exist."""
        sign = 1.0 if self.better == "higher" else -1.0
        if self.is_logarithmic:
            return sign * mean.value
        return sign * math.log(mean.value) if mean.value > 0 else None

    def _slope(self, mean: UncertainMean) -> float:
        return 1.0 if self.is_logarithmic else 1.0 / mean.value


def make_scale(rows: Sequence[Row], rule: RankingRule, better: Better, *, is_logarithmic: bool) -> BoardScale:
    """The scale of a board from its rows, of which the ranks are not read. Where no row is real held-out data, the
    floor is the value of real data that the records of the others hold, if they hold one."""
    baselines = {
        row.job.model: mean
        for row in rows
        if row.family == BASELINE_FAMILY and (mean := row.uncertain(rule.metric)) is not None
    }
    names = dict.fromkeys((rule.zero, *rule.yardsticks))
    return BoardScale(
        better=better,
        is_logarithmic=is_logarithmic,
        floor=baselines.get(rule.floor) or _recorded_floor(rows, rule.metric),
        zero=baselines.get(rule.zero),
        zero_name=rule.zero,
        yardsticks={
            name: baselines[name] for name in names if name in baselines and name not in rule.true_families
        },
    )


def _recorded_floor(rows: Sequence[Row], metric: str) -> UncertainMean | None:
    for row in rows:
        value = row.values.get(metric)
        for record in () if value is None else value.records.values():
            if record.real is not None and record.real_stderr is not None:
                return UncertainMean(record.real, known_stderr=record.real_stderr)
    return None
