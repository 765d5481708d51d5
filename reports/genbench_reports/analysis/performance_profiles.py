"""Performance profiles: on which share of the data sets a model comes within a factor of the best.

Dolan and Moré 2002, "Benchmarking optimization software with performance profiles", equations 2.1 and 2.2, with a
value in place of a time: for a model s and a data set p, the ratio r = value / best value on p, infinite where the
model failed; the profile is the share of data sets with r <= tau.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.analysis.score_matrix import ScoreMatrix

FACTORS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0)


@dataclass(frozen=True)
class Profile:
    """The performance profile of one model."""

    ratios: Mapping[str, float]
    """By data set, the model's value over the best value there: 1 or more, infinite where the model has no value."""

    def share(self, factor: float) -> float:
        """Share of the data sets on which the model is within `factor` (1 or more) of the best."""
        return sum(ratio <= factor for ratio in self.ratios.values()) / len(self.ratios)

    def steps(self) -> list[tuple[float, float]]:
        """(factor, share) wherever the share increases, for drawing."""
        finite = sorted({ratio for ratio in self.ratios.values() if math.isfinite(ratio)})
        return [(ratio, self.share(ratio)) for ratio in finite]


def performance_profiles(values: Mapping[str, Mapping[str, float]]) -> dict[str, Profile]:
    """Profiles over all data sets on which some model has a value.

    values: by model and data set, less being better, none below 0; infinite or absent where the model has none. Where
    the best value is 0, other values are infinitely worse. Raises ValueError for values below 0, whose ratios mean
    nothing.
    """
    names = dict.fromkeys(name for by_dataset in values.values() for name in by_dataset)
    bests = {name: min(by_dataset.get(name, math.inf) for by_dataset in values.values()) for name in names}
    if any(best < 0 or math.isnan(best) for best in bests.values()):
        raise ValueError("performance profiles take values of 0 and more")
    solved = {name: best for name, best in bests.items() if math.isfinite(best)}
    return {
        model: Profile({name: _ratio(by_dataset.get(name, math.inf), best) for name, best in solved.items()})
        for model, by_dataset in values.items()
    }


def profiles_of(matrix: ScoreMatrix, datasets: Sequence[str] | None = None) -> dict[str, Profile]:
    """The profile of every contender. datasets: by default all that `can_have_ratios`, else a selection of them."""
    names = can_have_ratios(matrix) if datasets is None else datasets
    return performance_profiles(
        {model: {name: matrix.mean(name, model) for name in names} for model in matrix.models}
    )


def can_have_ratios(matrix: ScoreMatrix) -> list[str]:
    """The data sets on which lower values are better and none is below 0."""
    return [
        name
        for name in matrix.datasets
        if name not in matrix.higher_is_better
        and all(matrix.mean(name, model) >= 0 for model in matrix.values[name])
    ]


def _ratio(value: float, best: float) -> float:
    if not math.isfinite(value):
        return math.inf
    if best == 0:
        return 1.0 if value == 0 else math.inf
    return max(1.0, value / best)
