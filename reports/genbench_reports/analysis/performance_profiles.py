"""Performance profiles: on which share of the data sets a model comes within a factor of the best.

Dolan and Moré 2002, "Benchmarking optimization software with performance profiles", equations 2.1 and 2.2, with a
figure in place of a time: for a model s and a data set p, the ratio r = figure / best figure on p, infinite where the
model failed; the profile is the share of data sets with r <= tau.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench_reports.analysis.score_matrix import Comparison

FACTORS = (1.0, 1.1, 1.25, 1.5, 2.0, 4.0, 10.0)


@dataclass(frozen=True)
class Profile:
    """ratios: to the best of each data set, by data set, at least 1, infinite where there is no figure."""

    ratios: Mapping[str, float]

    def share(self, factor: float) -> float:
        """Of the data sets, those where the model is within `factor` (1 or more) of the best."""
        return sum(ratio <= factor for ratio in self.ratios.values()) / len(self.ratios)

    def steps(self) -> list[tuple[float, float]]:
        """(factor, share) wherever the share grows, for drawing."""
        finite = sorted({ratio for ratio in self.ratios.values() if math.isfinite(ratio)})
        return [(ratio, self.share(ratio)) for ratio in finite]


def performance_profiles(values: Mapping[str, Mapping[str, float]]) -> dict[str, Profile]:
    """From figures by model and data set, less being better, none below 0; infinite or absent where the model has none.
    The profile is over all data sets on which some model has a figure. A best of 0 is reached by 0 alone.

    Raises ValueError for a figure below 0: a ratio of it means nothing.
    """
    names = dict.fromkeys(name for figures in values.values() for name in figures)
    bests = {name: min(figures.get(name, math.inf) for figures in values.values()) for name in names}
    if any(best < 0 or math.isnan(best) for best in bests.values()):
        raise ValueError("performance profiles take figures of 0 and more")
    solved = {name: best for name, best in bests.items() if math.isfinite(best)}
    return {
        model: Profile({name: _ratio(figures.get(name, math.inf), best) for name, best in solved.items()})
        for model, figures in values.items()
    }


def profiles_of(comparison: Comparison, datasets: Sequence[str] | None = None) -> dict[str, Profile]:
    """Of every contender, over the data sets that `can_have_ratios`, or those of them that are named."""
    names = can_have_ratios(comparison) if datasets is None else datasets
    return performance_profiles(
        {model: {name: comparison.mean(name, model) for name in names} for model in comparison.models}
    )


def can_have_ratios(comparison: Comparison) -> list[str]:
    """The data sets whose figures are better the smaller they are, and not below 0."""
    return [
        name
        for name in comparison.datasets
        if name not in comparison.higher_is_better
        and all(comparison.mean(name, model) >= 0 for model in comparison.values[name])
    ]


def _ratio(figure: float, best: float) -> float:
    if not math.isfinite(figure):
        return math.inf
    if best == 0:
        return 1.0 if figure == 0 else math.inf
    return max(1.0, figure / best)
