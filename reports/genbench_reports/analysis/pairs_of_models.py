"""Pairs of models over data sets and seeds: how often one is better than the other.

Only the order of values is used: the probability of improvement of Agarwal et al. 2021, "Deep reinforcement learning at
the edge of the statistical precipice", section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.statistics.resampling import sign_flip_test
from genbench_reports.statistics.seeds import adjust_by_holm


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
    scores = {pair: _scores(matrix, *pair) for pair in pairs}
    if not matrix.datasets or not pairs:
        return {}
    means = {pair: [math.fsum(found) / len(found) for found in scores[pair]] for pair in pairs}
    by_seed = [sign_flip_test([score for found in scores[pair] for score in found]).p for pair in pairs]
    by_dataset = [sign_flip_test(means[pair]).p for pair in pairs]
    return {
        pair: Wins(0.5 + math.fsum(means[pair]) / len(means[pair]) / 2, seeds, datasets)
        for pair, seeds, datasets in zip(
            pairs, adjust_by_holm(by_seed), adjust_by_holm(by_dataset), strict=True
        )
    }


def _scores(matrix: ScoreMatrix, first: str, second: str) -> list[list[float]]:
    """For each data set and each seed that both have: 1 where the first is better, -1 where the second is, else 0."""
    scores = []
    for dataset in matrix.datasets:
        one, two = (matrix.values[dataset].get(model, {}) for model in (first, second))
        if one and two:
            common = sorted(one.keys() & two.keys())
            pairs = [(one[seed], two[seed]) for seed in common] or [
                (matrix.mean(dataset, first), matrix.mean(dataset, second))
            ]
        else:
            pairs = [(0.0 if one else 1.0, 0.0 if two else 1.0)] * max(len(one), len(two), 1)
        scores.append([float(a < b) - float(a > b) for a, b in pairs])
    return scores
