"""Witten-Bell n-grams.

Witten & Bell 1991, "The zero-frequency problem: estimating the probabilities of novel events in adaptive text
compression", method C, https://doi.org/10.1109/18.87000.
"""

from __future__ import annotations

from jaxtyping import Float64
from torch import Tensor

from genbench_models.classical.ngram_model import NGramModel
from genbench_models.classical.ngram_tables import Counts


class WittenBell(NGramModel):
    """In a context of n counts, of u different symbols,

        p(v) = (n(v) + u p'(v)) / (n + u)

    with p' the distribution of the context shorter by one, down to the uniform one.
    """

    def smoothed(self, counts: Counts) -> tuple[Float64[Tensor, " grams"], Float64[Tensor, " contexts"]]:
        weight = counts.totals + counts.different
        return counts.times / weight[counts.owners], counts.different / weight.clamp(min=1)
