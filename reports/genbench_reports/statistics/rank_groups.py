"""Letters of rows that a test cannot tell apart, and what a table may claim about them.

All pairs of rows are compared, and their p-values corrected together (Holm 1979), so that a table in which nothing
differs shows a difference in at most one case in twenty, however many rows it has. The test is Welch's rather than
the paired one: models turned out to share almost nothing with a seed, and pairing costs half the degrees of freedom
(docs/decisions/0021). How often it errs and what it finds is measured by `simulate_ranks` (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations

from genbench_reports.format.text import plural
from genbench_reports.statistics.letter_display import letter_display
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE, adjust_by_holm, welch_p

POWER = 0.8
"""The probability at which a difference counts as one that the test finds, as is usual in planning (Cohen 1988)."""
_GRID = 100


def pairwise_p(rows: Sequence[Mapping[int, float]]) -> dict[tuple[int, int], float]:
    """Holm-adjusted p of every pair of rows (i, j), i < j, from values by seed; two or more of each."""
    values = [list(row.values()) for row in rows]
    pairs = list(combinations(range(len(rows)), 2))
    return dict(zip(pairs, adjust_by_holm([welch_p(values[i], values[j]) for i, j in pairs]), strict=True))


def row_letters(rows: Sequence[Mapping[int, float]]) -> list[str] | None:
    """The letters of each row, from rows ordered best first; None where one has fewer than three seeds. Two rows share
    a letter exactly when the corrected test does not tell them apart (`letter_display`)."""
    if any(len(row) < MIN_SEEDS for row in rows):
        return None
    different = [pair for pair, p in pairwise_p(rows).items() if p < SIGNIFICANCE]
    return letter_display(len(rows), different)


def claim(seeds: int, rows: int = 2) -> str:
    """What a table may claim about differences between its ranked rows.

    seeds: the smallest number of seeds of a row. rows: the number of rows.
    """
    if seeds < MIN_SEEDS:
        return (
            f"{plural(seeds, 'seed')} per row: no claim is made about differences between rows; that takes"
            f" {MIN_SEEDS} or more."
        )
    if rows < 2:
        return "One row: there is nothing to compare it with."
    pairs = rows * (rows - 1) // 2
    text = (
        "Two rows share a letter if they cannot be told apart: Welch's t-test over seeds, two-sided,"
        f" p ≥ {SIGNIFICANCE}"
    )
    text += f" after Holm's correction for all {plural(pairs, 'pair')} of rows." if pairs > 1 else "."
    return (
        f"{text} With {plural(seeds, 'seed')} a difference of {separable_effect(seeds, pairs):.2g} standard deviations"
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
