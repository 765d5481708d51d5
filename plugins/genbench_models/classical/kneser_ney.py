"""Interpolated Kneser-Ney n-grams, one discount per order.

Kneser & Ney 1995, "Improved backing-off for m-gram language modeling", https://doi.org/10.1109/ICASSP.1995.479394; the
interpolated form is that of Chen & Goodman 1999, section 2.8.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor

from genbench_models.classical.ngram_model import NGramModel
from genbench_models.classical.ngram_tables import Counts


class KneserNey(NGramModel):
    """In a context of n counts, of u different symbols,

        p(v) = (n(v) - D + D u p'(v)) / n        where n(v) > 0, else D u p'(v) / n

    with p' the distribution of the context shorter by one. The longest context counts occurrences, shorter ones in how
    many ways an n-gram is extended by one symbol to the left. D = n1 / (n1 + 2 n2) for each order, where n1 and n2
    n-grams were counted once and twice; where none was counted once, n1 is taken to be 1/2, so that every symbol has a
    probability.
    """

    by_continuation = True

    def smoothed(self, counts: Counts) -> tuple[Float64[Tensor, " grams"], Float64[Tensor, " contexts"]]:
        discount, total = discount_of(counts), counts.totals
        shares = (counts.times.double() - discount) / total[counts.owners]
        # a context that was counted at the beginning of pieces alone was never extended to the left
        backs = torch.where(total > 0, discount * counts.different / total.clamp(min=1), 1.0)
        return shares, backs


def discount_of(counts: Counts) -> float:
    """n1 / (n1 + 2 n2)."""
    once, twice = (max(int((counts.times == times).sum()), least) for times, least in ((1, 0.5), (2, 0)))
    return once / (once + 2 * twice)
