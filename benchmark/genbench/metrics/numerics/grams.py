"""Counts of things that occur in examples (n-grams, chords, notes), and what compares two such sets of counts.

Standard errors take a whole example as one unit, since what occurs in it depends on the rest of it. They are linear in
the examples (the delta method); where a value jumps as an example comes or goes, it is computed without each of the
examples in turn (the jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.numerics.feature_arrays import Estimate, two_sided
from genbench.util.mean_errors import Windows


@dataclass(frozen=True)
class Grams:
    """What occurs in a set of examples, one entry per occurrence."""

    ids: Int[Tensor, " occurrences"]
    """Which thing it is, 0 or more."""
    owners: Int[Tensor, " occurrences"]
    """The number of the example in which it occurs."""
    examples: int
    """How many examples there are."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def kinds(self) -> int:
        """One more than the largest id."""
        return int(self.ids.max()) + 1 if len(self.ids) else 0

    def shares(self, kinds: int) -> Float[Tensor, " kinds"]:
        """The share of each thing among all occurrences, float64."""
        return torch.bincount(self.ids, minlength=kinds).double() / len(self)

    def mean_influence(self, values: Float[Tensor, " occurrences"]) -> Float[Tensor, " examples"]:
        """The influence of each example on the mean of `values` over all occurrences."""
        deviations = values.double() - values.double().mean()
        sums = torch.bincount(self.owners, deviations, minlength=self.examples)
        return sums * (self.examples / len(self))

    def sole_owners(self, kinds: int) -> Int[Tensor, " kinds"]:
        """The only example in which a thing occurs; -1 for things that occur in several examples or in none."""
        low = torch.full((kinds,), self.examples, dtype=torch.int64).scatter_reduce_(
            0, self.ids, self.owners, "amin"
        )
        high = torch.full((kinds,), -1, dtype=torch.int64).scatter_reduce_(0, self.ids, self.owners, "amax")
        return torch.where(low == high, low, -1)


def of_rows(rows: Int[Tensor, "n length"]) -> Grams:
    """Every number of (N, L) as one occurrence in its row."""
    owners = torch.arange(len(rows)).repeat_interleave(rows.shape[1])
    return Grams(rows.flatten(), owners, len(rows))


def total_variation(
    x: Grams, y: Grams, windows: Windows | None = None, sample_windows: Windows | None = None
) -> Estimate:
    """Half the sum of the absolute differences of the shares, 0 to 1. windows: those of y. sample_windows: those of x.
    Raises ValueError where nothing occurs on one side."""
    _require_both(x, y)
    kinds = max(x.kinds, y.kinds)
    apart = x.shares(kinds) - y.shares(kinds)
    half_sign = apart.sign() / 2
    of_x, of_y = x.mean_influence(half_sign[x.ids]), y.mean_influence(-half_sign[y.ids])
    return two_sided(apart.abs().sum() / 2, of_x, of_y, windows, sample_windows=sample_windows)


def jensen_shannon(
    x: Grams, y: Grams, windows: Windows | None = None, sample_windows: Windows | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, " n"], Float[Tensor, " m"]]:
    """The Jensen-Shannon divergence of the shares in nats, 0 to log 2 (Lin 1991), and the influence of each example of
    either side on it. Raises ValueError where nothing occurs on one side."""
    _require_both(x, y)
    kinds = max(x.kinds, y.kinds)
    p, q = x.shares(kinds), y.shares(kinds)
    middle = (p + q) / 2
    of_p, of_q = (torch.where(part > 0, (part / middle).log() / 2, 0.0) for part in (p, q))
    value = (p * of_p + q * of_q).sum().clamp_min(0.0)
    return value, x.mean_influence(of_p[x.ids]), y.mean_influence(of_q[y.ids])


def share_known(
    x: Grams, y: Grams, windows: Windows | None = None, sample_windows: Windows | None = None
) -> Estimate:
    """The share of the occurrences in x whose thing occurs in y. windows: those of y. sample_windows: those of x.
    Raises ValueError where nothing occurs on one side."""
    _require_both(x, y)
    kinds = max(x.kinds, y.kinds)
    owner = y.sole_owners(kinds)[x.ids]
    known = torch.bincount(y.ids, minlength=kinds)[x.ids].gt(0).double()
    # without an example of y, all occurrences in x are lost whose thing occurs in that example alone
    lost = torch.bincount(owner[owner >= 0], minlength=y.examples).double() / len(x)
    of_x, of_y = x.mean_influence(known), (y.examples - 1) * lost
    return two_sided(known.mean(), of_x, of_y, windows, sample_windows=sample_windows)


def share_known_of_reference(
    x: Grams, y: Grams, windows: Windows | None = None, sample_windows: Windows | None = None
) -> Estimate:
    """The share of the occurrences in y whose thing occurs in x; see `share_known`."""
    found = share_known(y, x, sample_windows, windows)
    assert found.test_stderr is not None  # here that of x, which came second
    rest = (found.stderr.square() - found.test_stderr.square()).clamp_min(0.0).sqrt()
    return found._replace(test_stderr=rest)


def share_distinct(x: Grams) -> tuple[Float[Tensor, ""], Float[Tensor, " n"]]:
    """The number of different things over that of occurrences, and the influence of each example on it. Raises
    ValueError where nothing occurs."""
    if not len(x):
        raise ValueError("nothing occurs in the examples")
    owners = x.sole_owners(x.kinds)
    distinct = torch.bincount(x.ids).gt(0).sum().double()
    own = torch.bincount(owners[owners >= 0], minlength=x.examples).double()
    each = torch.bincount(x.owners, minlength=x.examples).double()
    value = distinct / len(x)
    rest = (len(x) - each).clamp_min(1)
    return value, (x.examples - 1) * (value - (distinct - own) / rest)


def _require_both(x: Grams, y: Grams) -> None:
    for side, grams in (("first", x), ("second", y)):
        if not len(grams):
            raise ValueError(f"nothing occurs in the {side} set of examples")
