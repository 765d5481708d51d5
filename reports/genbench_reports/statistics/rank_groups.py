"""Letters of rows that a test cannot tell apart, and what a table may claim about them.

All pairs of rows are compared, and their p-values corrected together (Holm 1979), so that a table in which nothing
differs shows a difference in at most one case in twenty, however many rows it has. The test is Welch's, with the part
of the error that comes from the test set added (`uncertain_means`), rather than the paired one: models turned out to
share almost nothing with a seed, and pairing costs half the degrees of freedom (docs/decisions/0021). How often it errs
and what it finds is measured by `simulate_ranks` (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache

from genbench_reports.format.text import plural
from genbench_reports.statistics.letter_display import letter_display
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE
from genbench_reports.statistics.uncertain_means import UncertainMean, adjusted_p, uncertain_mean

POWER = 0.8
"""The probability at which a difference counts as one that the test finds, as is usual in planning (Cohen 1988)."""
_GRID = 100


def row_letters(rows: Sequence[UncertainMean]) -> list[str]:
    """The letters of each row, from rows ordered best first. Two rows share a letter exactly when the corrected test
    does not tell them apart (`letter_display`)."""
    different = [pair for pair, p in adjusted_p(rows).items() if p < SIGNIFICANCE]
    return letter_display(len(rows), different)


def means_of(rows: Sequence[Mapping[int, float]]) -> list[UncertainMean]:
    """The means of rows of which only values by seed are known; two or more of each."""
    return [uncertain_mean(row, {}, {}) for row in rows]


def claim(seeds: int, rows: int = 2, *, is_known: bool = True) -> str:
    """What a table may claim about differences between its ranked rows.

    seeds: the smallest number of seeds of a row. rows: the number of rows. is_known: whether all values have errors.
    """
    pairs = rows * (rows - 1) // 2
    if rows < 2:
        return "One row: there is nothing to compare it with."
    holm = f" after Holm's correction for all {plural(pairs, 'pair')} of rows" if pairs > 1 else ""
    test = "a t-test with the parts that the seeds and the test set have in each error"
    if seeds < MIN_SEEDS:
        text = f"{plural(seeds, 'seed')} per row: no claim is made about other seeds; that takes {MIN_SEEDS} or more."
        if is_known:
            error = "the error of the samples and the test set" if seeds == 1 else "errors from so few seeds"
            text += (
                f" A rank such as 2-5 is the interval that {error} allows, with {1 - SIGNIFICANCE:.0%} confidence"
                " for all rows together."
            )
        return text
    return (
        f"Two rows share a letter if they cannot be told apart: {test}, two-sided, p ≥ {SIGNIFICANCE}{holm}."
        " A rank such as 2-5 is the interval that these tests allow."
        f" With {plural(seeds, 'seed')} a difference of {separable_effect(seeds, pairs):.2g} standard deviations"
        f" over seeds is found in {POWER:.0%} of cases, a smaller one less often: a shared letter does not mean that"
        " two rows are equal."
    )


@cache
def separable_effect(seeds: int, pairs: int) -> float:
    """How far apart two means must be, in standard deviations of a row over seeds, for the test to find the difference
    with probability `POWER`, at the level that Holm's first step leaves for one of `pairs` pairs.

    For independent normal rows with equal standard deviations. Given both sample variances, which are chi-squared,
    the difference beyond Welch's threshold has a normal probability; it is averaged over a grid of equally likely
    variances.
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import gammaincinv, ndtr, stdtrit

    freedom = seeds - 1
    quantiles = (np.arange(_GRID) + 0.5) / _GRID
    variances = gammaincinv(freedom / 2, quantiles) * 2 / freedom
    first, second = np.meshgrid(variances, variances)
    welch = freedom * (first + second) ** 2 / (first**2 + second**2)
    threshold = -stdtrit(welch, SIGNIFICANCE / pairs / 2) * np.sqrt((first + second) / seeds)
    deviation = math.sqrt(2 / seeds)

    def lack(effect: float) -> float:
        return float(ndtr((effect - threshold) / deviation).mean()) - POWER

    return float(brentq(lack, 0.0, float(threshold.max()) + 10 * deviation))
