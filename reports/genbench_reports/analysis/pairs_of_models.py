"""Pairs of models over data sets and seeds: how often one is better than the other.

Only the order of values is used: the probability of improvement of Agarwal et al. 2021, "Deep reinforcement learning at
the edge of the statistical precipice", section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.statistics.resampling import exact_sign_test, sign_flip_tests
from genbench_reports.statistics.seeds import adjust_by_holm

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Wins:
    """How often one model is better than another."""

    share: float
    """Share of common seeds in which the first model is better, ties counting half; mean over data sets."""
    p_new_seeds: float
    """p of a sign-flip test over all pairs of a data set and a seed, after Holm's correction for the pairs of
    models: would other seeds on these data sets show the difference?"""
    p_new_datasets: float
    """p of the same test over data sets alone: would other data sets show it?"""


def all_wins(matrix: ScoreMatrix, models: Sequence[str]) -> dict[tuple[str, str], Wins]:
    """Compare every pair of `models`, in their order, over the data sets of the matrix. A model that has no rank on a
    data set counts as worse there. Empty where there are fewer than two models or no data set."""
    pairs = list(combinations(models, 2))
    if not matrix.datasets or not pairs:
        return {}
    import numpy as np

    counts = [_counts(matrix, dataset, models) for dataset in matrix.datasets]
    means = np.stack([(each.better - each.worse) / each.all for each in counts], axis=1)
    better = np.sum([each.better for each in counts], axis=0)
    worse = np.sum([each.worse for each in counts], axis=0)
    by_seed = [exact_sign_test(*each) for each in zip(better.tolist(), worse.tolist(), strict=True)]
    by_dataset = [test.p for test in sign_flip_tests(means.tolist())]
    return {
        pair: Wins(0.5 + math.fsum(row) / len(row) / 2, seeds, datasets)
        for pair, row, seeds, datasets in zip(
            pairs, means.tolist(), adjust_by_holm(by_seed), adjust_by_holm(by_dataset), strict=True
        )
    }


@dataclass(frozen=True)
class _Counts:
    """For each pair of models, on one data set, in how many seeds that both have."""

    better: np.ndarray
    """The first is better."""
    worse: np.ndarray
    """The second is better."""
    all: np.ndarray
    """All of them; 1 or more."""


def _counts(matrix: ScoreMatrix, dataset: str, models: Sequence[str]) -> _Counts:
    """Two models without a common seed are compared by their means. A model without a rank loses as often as the other
    one has seeds."""
    import numpy as np

    values = [matrix.values[dataset].get(model, {}) for model in models]
    seeds = sorted({seed for row in values for seed in row})
    table = np.array([[row.get(seed, np.nan) for seed in seeds] for row in values]).reshape(len(models), -1)
    sizes = np.array([len(row) for row in values])
    means = np.array([matrix.mean(dataset, model) for model in models])
    first, second = np.triu_indices(len(models), 1)
    one, two = table[first], table[second]
    common = (~np.isnan(one) & ~np.isnan(two)).sum(axis=1)
    is_by_seed = common > 0
    # without a common seed: by means, which are infinite without a rank
    others = np.where((sizes[first] > 0) & (sizes[second] > 0), 1, np.maximum(sizes[first], sizes[second]))
    return _Counts(
        better=np.where(is_by_seed, (one < two).sum(axis=1), others * (means[first] < means[second])),
        worse=np.where(is_by_seed, (one > two).sum(axis=1), others * (means[first] > means[second])),
        all=np.where(is_by_seed, common, np.maximum(others, 1)),
    )
