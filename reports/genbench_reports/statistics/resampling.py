"""Intervals and tests that assume no distribution: what other draws of the seeds or data sets would have given.

Both are computed by scipy. With few values neither can show much: an interval from three values lies between these
values, and a sign-flip test of three pairs cannot have a p below 0.25.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

from genbench_reports.format.text import plural
from genbench_reports.statistics.seeds import SIGNIFICANCE

if TYPE_CHECKING:
    import numpy as np

Key = TypeVar("Key", bound=Hashable)
CONFIDENCE = 0.95
RESAMPLES = 9999
"""Number of bootstrap samples, and of permutations where there are too many to try them all."""
_SEED = 0
_SAME_SUM = 1e-13
"""Means that differ by less than this share of the mean absolute difference count as equal."""
_MAX_NUMBERS = 1 << 22
"""How many numbers an array of resamples may have: 32 MB."""


@dataclass(frozen=True)
class Interval:
    """Confidence interval of a mean."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    method: Literal["BCa", "percentile", "none"]
    """"percentile" where BCa is not defined; "none" for a single value and for equal ones, where both ends are the
    mean."""
    n: int
    """How many values it was made from."""


def bootstrap_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Bootstrap interval of the mean: bias-corrected and accelerated (Efron 1987, "Better bootstrap confidence
    intervals"), by `scipy.stats.bootstrap`, under a fixed seed.

    From fewer than about ten values it is too short: docs/statistics.md says how often such an interval covers the
    truth.
    """
    return bootstrap_intervals([values], confidence)[0]


def bootstrap_intervals(rows: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> list[Interval]:
    """`bootstrap_interval` of each row, many rows at once. Raises ValueError where one has no values."""
    found: dict[int, Interval] = {}
    by_length: dict[int, list[int]] = {}
    for index, values in enumerate(rows):
        if not values:
            raise ValueError("no values to make an interval of")
        if len(set(values)) == 1:
            found[index] = Interval(values[0], values[0], "none", len(values))
        else:
            by_length.setdefault(len(values), []).append(index)
    for length, indices in by_length.items():
        step = max(1, _MAX_NUMBERS // (RESAMPLES * length))
        for start in range(0, len(indices), step):
            part = indices[start : start + step]
            found |= zip(part, _intervals([rows[index] for index in part], confidence), strict=True)
    return [found[index] for index in range(len(rows))]


def _intervals(rows: Sequence[Sequence[float]], confidence: float) -> list[Interval]:
    """Bootstrap intervals of the means of rows that have equally many values. The values of a row are not all equal.
    All rows are resampled alike, so that an interval does not depend on the other rows."""
    import numpy as np
    from scipy.stats import bootstrap

    # moments of values near the limits of floats would overflow
    scales = [max(abs(value) for value in values) for values in rows]
    samples = np.array([[value / scale for value in row] for row, scale in zip(rows, scales, strict=True)])
    found: dict[int, Interval] = {}
    methods: tuple[Literal["BCa", "percentile"], ...] = ("BCa", "percentile")
    for method in methods:
        left = [index for index in range(len(rows)) if index not in found]
        if not left:
            break
        with np.errstate(all="ignore"):
            ends = bootstrap(
                (samples[left],),
                np.mean,
                n_resamples=RESAMPLES,
                confidence_level=confidence,
                method=method,
                axis=-1,
                rng=np.random.default_rng(_SEED),
            ).confidence_interval
        for place, index in enumerate(left):
            low, high = float(ends.low[place]) * scales[index], float(ends.high[place]) * scales[index]
            if np.isfinite(low) and np.isfinite(high):
                found[index] = Interval(low, high, method, len(rows[index]))
    return [found[index] for index in range(len(rows))]  # percentiles of finite means are finite


@dataclass(frozen=True)
class PairedTest:
    """The outcome of a paired permutation test."""

    difference: float
    """Mean of the first minus mean of the second."""
    p: float
    """Two-sided."""
    n: int
    """Number of pairs."""
    exact: bool
    """All assignments of signs were tried."""
    smallest_p: float
    """What `p` would be if all differences had the same sign: no result with so many pairs can be smaller."""

    @property
    def limit(self) -> str | None:
        """What cannot be shown with so few pairs; None where a difference can be."""
        return few_pairs(self.n)


def few_pairs(n: int, what: str = "pair", comparisons: int = 1) -> str | None:
    """The sentence about a sign-flip test of `n` pairs that cannot show any difference after Holm's correction for
    `comparisons` comparisons; None where it can."""
    if comparisons * smallest_p(n) < SIGNIFICANCE:
        return None
    least = next(count for count in range(1, 99) if comparisons * smallest_p(count) < SIGNIFICANCE)
    corrected = (
        f", {min(1.0, comparisons * smallest_p(n)):.2g} after Holm's correction for {comparisons} comparisons"
    )
    return (
        f"With {plural(n, what)} an exact paired permutation test has no p below {smallest_p(n):.2g}"
        f"{corrected if comparisons > 1 else ''}: it cannot show any difference, however large;"
        f" that takes {plural(least, what)}."
    )


def smallest_p(n: int) -> float:
    """The smallest p of a two-sided sign-flip test of n pairs: two of the 2^n assignments are at least as extreme as
    the one in which all differences have one sign. 1 where there are no pairs."""
    return min(1.0, 2.0 ** (1 - n))


def paired_test(first: Mapping[Key, float], second: Mapping[Key, float]) -> PairedTest:
    """Paired permutation test of values by seed (or by data set), over the keys that both have.

    Where there is no difference, the two values of a pair can be exchanged (Fisher 1935, "The Design of Experiments",
    section 21; `scipy.stats.permutation_test`). Raises ValueError where they have no key in common.
    """
    return paired_tests([(first, second)])[0]


def paired_tests(pairs: Sequence[tuple[Mapping[Key, float], Mapping[Key, float]]]) -> list[PairedTest]:
    """`paired_test` of each pair, many at once. Raises ValueError where one has no key in common."""
    rows = []
    for first, second in pairs:
        common = sorted(first.keys() & second.keys(), key=str)
        if not common:
            raise ValueError("paired values need keys in common")
        rows.append([first[key] - second[key] for key in common])
    return sign_flip_tests(rows)


def sign_flip_test(differences: Sequence[float]) -> PairedTest:
    """Test differences that would be as likely with the other sign if there were no effect. At least one."""
    return sign_flip_tests([differences])[0]


def sign_flip_tests(rows: Sequence[Sequence[float]]) -> list[PairedTest]:
    """`sign_flip_test` of each row, many rows at once. The signs are those that scipy draws."""
    by_length: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        by_length.setdefault(len(row), []).append(index)
    found: dict[int, PairedTest] = {}
    for length, indices in by_length.items():
        step = max(1, _MAX_NUMBERS // (RESAMPLES + length))
        for start in range(0, len(indices), step):
            part = indices[start : start + step]
            found |= zip(part, _sign_flip_tests([rows[index] for index in part]), strict=True)
    return [found[index] for index in range(len(rows))]


def _sign_flip_tests(rows: Sequence[Sequence[float]]) -> list[PairedTest]:
    """The test of each row. All rows have equally many differences."""
    import numpy as np

    samples = np.array(rows, dtype=float)
    n = samples.shape[1]
    exact = 2**n <= RESAMPLES
    scales = np.abs(samples).max(axis=1)
    scales[scales == 0] = 1.0
    samples /= scales[:, None]
    means = samples.mean(axis=1)
    if n == 1:
        p = np.ones(len(rows))
    else:
        null = samples @ _signs(n).T / n
        # sums of the same numbers in another order may differ in the last digits of the numbers, also where they are 0
        slack = np.abs(samples).mean(axis=1)[:, None] * _SAME_SUM
        added = (
            0 if exact else 1
        )  # the assignment that was observed is one of those that could have been drawn
        more = ((null >= means[:, None] - slack).sum(axis=1) + added) / (null.shape[1] + added)
        less = ((null <= means[:, None] + slack).sum(axis=1) + added) / (null.shape[1] + added)
        p = np.where(samples.any(axis=1), np.minimum(2 * np.minimum(more, less), 1.0), 1.0)
    least = smallest_p(n) if exact else max(smallest_p(n), 2 / (RESAMPLES + 1))
    return [
        PairedTest(mean, min(each, 1.0), n, exact, least)
        for mean, each in zip((means * scales).tolist(), p.tolist(), strict=True)
    ]


@cache
def _signs(n: int) -> np.ndarray:
    """(assignments, n): all assignments of signs to n differences, or as many as scipy draws under our seed. One column
    per assignment of what scipy hands to the statistic, for differences that are all 1."""
    import numpy as np
    from scipy.stats import permutation_test

    seen: list[np.ndarray] = []

    def statistic(x: np.ndarray, axis: int) -> np.ndarray:
        if x.ndim > 1:
            seen.append(np.moveaxis(x, axis, -1).reshape(-1, n))
        found: np.ndarray = x.mean(axis=axis)
        return found

    permutation_test(
        (np.ones(n),),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if 2**n <= RESAMPLES else RESAMPLES,
        rng=np.random.default_rng(_SEED),
    )
    return np.concatenate(seen)


def exact_sign_test(better: int, worse: int) -> float:
    """p of the sign-flip test of differences that are 1, -1 or 0, exactly and for any number of them."""
    from scipy.special import bdtr

    count = better + worse
    return 1.0 if count == 0 else min(1.0, 2.0 * float(bdtr(min(better, worse), count, 0.5)))
