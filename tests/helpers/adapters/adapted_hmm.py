"""Hidden Markov models of hmmlearn through their adapter."""

from __future__ import annotations

from typing import Any, ClassVar

from hmmlearn.hmm import CategoricalHMM, GaussianHMM

from genbench import DataSpec
from genbench.adapters import HiddenMarkovModel


class Symbols(HiddenMarkovModel):
    """A hidden Markov model of symbols."""

    family = "autoregressive"
    modalities: ClassVar[tuple[str, ...]] = ("tokens",)

    def build(self, spec: DataSpec) -> Any:
        return CategoricalHMM(n_components=3, n_features=spec.levels)


class Curves(HiddenMarkovModel):
    """A hidden Markov model of series."""

    family = "autoregressive"
    modalities: ClassVar[tuple[str, ...]] = ("series",)
    discrete = False

    def build(self, spec: DataSpec) -> Any:
        return GaussianHMM(n_components=2, covariance_type="diag", min_covar=1e-2)
