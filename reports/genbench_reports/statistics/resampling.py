"""Intervals and tests that assume no distribution: what other draws of the seeds or data sets would have given.

Both are computed by scipy. With few values neither can show much: an interval from three values lies between these
values, and a sign-flip test of three pairs cannot have a p below 0.25.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from genbench_reports.format.text import plural
from genbench_reports.statistics.seeds import SIGNIFICANCE

Key = TypeVar("Key", bound=Hashable)
CONFIDENCE = 0.95
RESAMPLES = 9999
"""Number of bootstrap samples, and of permutations where there are too many to try them all."""
_SEED = 0


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
    if not values:
        raise ValueError("no values to make an interval of")
    n = len(values)
    if len(set(values)) == 1:
        return Interval(values[0], values[0], "none", n)
    import numpy as np
    from scipy.stats import bootstrap

    # moments of values near the limits of floats would overflow
    scale = max(abs(value) for value in values)
    sample = np.asarray([value / scale for value in values])
    methods: tuple[Literal["BCa", "percentile"], ...] = ("BCa", "percentile")
    for method in methods:
        with np.errstate(all="ignore"):
            found = bootstrap(
                (sample,),
                np.mean,
                n_resamples=RESAMPLES,
                confidence_level=confidence,
                method=method,
                rng=np.random.default_rng(_SEED),
            ).confidence_interval
        low, high = float(found.low) * scale, float(found.high) * scale
        if np.isfinite(low) and np.isfinite(high):
            return Interval(low, high, method, n)
    raise AssertionError("percentiles of finite means are finite")


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
    common = sorted(first.keys() & second.keys(), key=str)
    if not common:
        raise ValueError("paired values need keys in common")
    return sign_flip_test([first[key] - second[key] for key in common])


def sign_flip_test(differences: Sequence[float]) -> PairedTest:
    """Test differences that would be as likely with the other sign if there were no effect. At least one."""
    import numpy as np
    from scipy.stats import permutation_test

    n = len(differences)
    exact = 2**n <= RESAMPLES
    scale = max(abs(value) for value in differences) or 1.0
    sample = np.asarray([value / scale for value in differences])
    if (exact and n == 1) or not sample.any():
        p = 1.0  # a single pair, or no difference at all
    else:
        p = float(
            permutation_test(
                (sample,),
                np.mean,
                permutation_type="samples",
                vectorized=True,
                n_resamples=np.inf if exact else RESAMPLES,
                alternative="two-sided",
                rng=np.random.default_rng(_SEED),
            ).pvalue
        )
    least = smallest_p(n) if exact else max(smallest_p(n), 2 / (RESAMPLES + 1))
    return PairedTest(float(sample.mean()) * scale, min(p, 1.0), n, exact, least)
