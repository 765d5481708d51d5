"""Whether models differ over data sets (Friedman's test on their ranks), and which of them (Nemenyi's pairs).

Demšar 2006, "Statistical comparisons of classifiers over multiple data sets", section 3.2, with two changes,
because a run has few data sets: the p of Friedman's statistic comes from permutations within data sets, which is valid
for any number of them, unlike the chi-squared approximation; and no models are told apart where that p is not small.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from genbench_reports.statistics.resampling import RESAMPLES
from genbench_reports.statistics.seeds import SIGNIFICANCE

if TYPE_CHECKING:
    import numpy as np

MIN_DATASETS = 3
MIN_MODELS = 3
_SEED = 0
_BATCH = 250
"""How many permutations are tried at once, for the sake of memory. It changes no result."""


@dataclass(frozen=True)
class Friedman:
    """The outcome of Friedman's test and of Nemenyi's comparison of pairs."""

    mean_ranks: Mapping[str, float]
    """By model, best first; equal values share the mean of their ranks."""
    statistic: float
    """Friedman's statistic, corrected for ties."""
    p: float
    """p of the statistic, by permutation."""
    exact: bool
    """All permutations were tried."""
    critical_difference: float
    """How far apart two mean ranks must lie (Demšar 2006, section 3.2.2)."""
    p_values: Mapping[tuple[str, str], float]
    """Nemenyi's p of each pair, in the order of `mean_ranks`, corrected for the number of pairs."""
    blocks: int
    """Number of data sets."""

    @property
    def differs(self) -> bool:
        """Whether Friedman's test finds any difference."""
        return self.p < SIGNIFICANCE

    def separable(self, first: str, second: str) -> bool:
        """Whether the two can be told apart, which requires that Friedman's test has found a difference too."""
        pair = (first, second) if (first, second) in self.p_values else (second, first)
        return self.differs and self.p_values[pair] < SIGNIFICANCE

    @property
    def groups(self) -> list[tuple[str, ...]]:
        """The longest sequences of neighbours that cannot be told apart: the bars of a critical-difference diagram. A
        model that differs from all others is a group of its own."""
        models = list(self.mean_ranks)
        found: list[tuple[str, ...]] = []
        end = 0
        for start, model in enumerate(models):
            stop = start + 1
            while stop < len(models) and not self.separable(model, models[stop]):
                stop += 1
            if stop > end:
                found.append(tuple(models[start:stop]))
            end = max(end, stop)
        return found


def friedman(means: Sequence[Sequence[float]], models: Sequence[str]) -> Friedman:
    """Test values of which less is better, with a row per data set and a column per model; infinite values share the
    last rank.

    Raises ValueError below three data sets or three models.
    """
    if len(means) < MIN_DATASETS or len(models) < MIN_MODELS:
        raise ValueError(f"Friedman's test takes {MIN_DATASETS} data sets and {MIN_MODELS} models")
    import numpy as np
    from scipy.stats import permutation_test, rankdata, studentized_range

    ranks = rankdata(np.asarray(means), axis=1)
    blocks, count = ranks.shape
    statistic = float(_statistic(*ranks.T))
    exact = math.factorial(count) ** blocks <= RESAMPLES
    p = 1.0
    if np.ptp(ranks, axis=1).any():
        p = float(
            permutation_test(
                tuple(ranks.T),
                _statistic,
                permutation_type="samples",
                vectorized=True,
                n_resamples=np.inf if exact else RESAMPLES,
                alternative="greater",
                batch=_BATCH,
                rng=np.random.default_rng(_SEED),
            ).pvalue
        )
    mean_ranks = dict(sorted(zip(models, ranks.mean(axis=0).tolist(), strict=True), key=lambda pair: pair[1]))
    error = math.sqrt(count * (count + 1) / (6 * blocks))
    pairs = list(combinations(mean_ranks, 2))
    distances = np.array([mean_ranks[second] - mean_ranks[first] for first, second in pairs])
    distinct, places = np.unique(distances.round(9), return_inverse=True)  # an integral each
    nemenyi = studentized_range.sf(distinct / error * math.sqrt(2), count, np.inf)[places]
    return Friedman(
        mean_ranks=mean_ranks,
        statistic=statistic,
        p=p,
        exact=exact,
        critical_difference=float(studentized_range.isf(SIGNIFICANCE, count, np.inf)) / math.sqrt(2) * error,
        p_values=dict(zip(pairs, np.clip(nemenyi, 0.0, 1.0).tolist(), strict=True)),
        blocks=blocks,
    )


def _statistic(*ranks: np.ndarray, axis: int = -1) -> np.ndarray:
    """Friedman's, corrected for ties (Conover 1999, "Practical nonparametric statistics", section 5.8), from ranks
    within data sets: one array per model, data sets along `axis`."""
    import numpy as np

    stacked = np.stack(ranks)
    count, middle = len(ranks), (len(ranks) + 1) / 2
    between = ((stacked - middle).sum(axis=axis) ** 2).sum(axis=0)
    within = ((stacked - middle) ** 2).sum(axis=0).sum(axis=axis)
    found: np.ndarray = (count - 1) * np.divide(between, within, out=np.zeros_like(between), where=within > 0)
    return found
