"""A model's log-likelihoods for audits: computed in batches, checked, in float64 on the CPU, with seeded generators."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from genbench.api.model import GenerativeModel, HasElbo, HasLogDensity, HasLogProb, HasLogWeights
from genbench.api.spec import DataSpec
from genbench.errors import PluginError
from genbench.likelihood.dequantisation import spread_over_bins
from genbench.records.audit import LikelihoodName
from genbench.util.seeding import derive_seed, seeded

_METHODS: dict[LikelihoodName, type] = {
    "log_prob": HasLogProb,
    "log_density": HasLogDensity,
    "elbo": HasElbo,
    "log_weights": HasLogWeights,
}
"""In the order in which the harness prefers them."""

_BOUND_ERRORS = 3.0
# The most numbers that one call handles: examples x importance samples x dimension.
_MAX_NUMBERS_PER_CALL = 2**21


@dataclass(frozen=True)
class LikelihoodValues:
    """The log-likelihoods that a method of a model computes."""

    model: GenerativeModel
    """The model, in evaluation mode."""
    method: LikelihoodName
    """The method's name."""
    k: int = 1
    """Draws per example: importance samples of log_weights, random places in the bins of integers for log_density,
    evaluations of elbo."""
    seed: int = 0
    """Seed of the draws. Every evaluation has a name, so that no two use equal draws."""

    @classmethod
    def of(
        cls, model: GenerativeModel, likelihood: LikelihoodName | None = None, *, k: int = 1, seed: int = 0
    ) -> LikelihoodValues:
        """The log-likelihoods of the model's method `likelihood`. None takes the first of log_prob, log_density, elbo
        and log_weights that the model has, as the harness does. Raises ValueError where the model has no such
        method."""
        has = [name for name, protocol in _METHODS.items() if isinstance(model, protocol)]
        if not has or likelihood not in (None, *has):
            raise ValueError(f"{type(model).__name__} has no {likelihood or ', '.join(_METHODS)}")
        return cls(model, likelihood or has[0], k, seed)

    @staticmethod
    def exist_for(model: object) -> bool:
        """Whether the model has one of the methods."""
        return isinstance(model, tuple(_METHODS.values()))

    @property
    def spec(self) -> DataSpec:
        """Domain of the data."""
        return self.model.spec

    @property
    def is_exact(self) -> bool:
        """Whether the values are the log-likelihood itself, and not random."""
        return self.method == "log_prob" or (self.method == "log_density" and not self.spec.is_discrete)

    @property
    def falls_short(self) -> bool:
        """Whether the likelihood of the whole space may be less than 1: a bound may be loose, and a density may lie
        outside the bins of the integers."""
        return self.method == "elbo" or (self.method == "log_density" and self.spec.is_discrete)

    def log_prob(self, x: Tensor, name: str = "") -> Float64[Tensor, " n"]:
        """log p(x): (N, *event_shape) -> (N,).

        For log_weights, and for a density of integers, it is the logarithm of a mean that is an unbiased estimate of
        p(x). For elbo it is the mean of k draws less three of its standard errors, so that the mean of its exponential
        is at most p(x): for a normal error with standard deviation s, the exponential has the mean exp(s^2 / 2). name:
        evaluations with different names use different draws. Raises PluginError where the model raises an exception,
        or returns another shape.
        """
        if self.is_exact:
            return self._batched(x, 1, name, self._log_prob, ())
        draws = self.log_weights(x, self.k, name)
        if self.method == "elbo":
            errors = draws.std(1, correction=1 if self.k > 1 else 0) / math.sqrt(self.k)
            return draws.mean(1) - _BOUND_ERRORS * errors
        return log_mean_exp(draws)

    def log_weights(self, x: Tensor, k: int, name: str = "") -> Float64[Tensor, "n {k}"]:
        """k draws for each example: (N, *event_shape) -> (N, k)."""
        return self._batched(x, k, name, lambda batch: self._log_weights(batch, k), (k,))

    def _batched(
        self, x: Tensor, k: int, name: str, evaluate: Callable[[Tensor], Tensor], shape: tuple[int, ...]
    ) -> Float64[Tensor, "n *k"]:
        size = max(1, _MAX_NUMBERS_PER_CALL // (k * self.spec.dimension))
        device = self.model.device
        pieces = [torch.empty((0, *shape), dtype=torch.float64)]
        with torch.no_grad(), seeded(derive_seed(self.seed, name), device):
            for batch in x.split(size):
                values, expected = self._evaluated(evaluate, batch.to(device)), (len(batch), *shape)
                if tuple(values.shape) != expected:
                    raise PluginError(f"{self.method} has shape {tuple(values.shape)}, expected {expected}")
                pieces.append(values.detach().cpu().double())
        return torch.cat(pieces)

    def _evaluated(self, evaluate: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        try:
            return evaluate(batch)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            raise PluginError(f"{self.method} of {len(batch)} examples raised {problem}") from error

    def _log_prob(self, x: Tensor) -> Tensor:
        if self.method == "log_density":
            assert isinstance(self.model, HasLogDensity)
            return self.model.log_density(x)
        assert isinstance(self.model, HasLogProb)
        return self.model.log_prob(x)

    def _log_weights(self, x: Tensor, k: int) -> Tensor:
        if self.method == "log_density":
            assert isinstance(self.model, HasLogDensity)
            densities: Tensor = self.model.log_density(spread_over_bins(x, k)).unflatten(0, (len(x), k))
            return densities
        if self.method == "elbo":
            assert isinstance(self.model, HasElbo)
            bounds: Tensor = self.model.elbo(x.repeat_interleave(k, 0)).unflatten(0, (len(x), k))
            return bounds
        assert isinstance(self.model, HasLogWeights)
        return self.model.log_weights(x, k)


def log_mean_exp(values: Float64[Tensor, "n k"]) -> Float64[Tensor, " n"]:
    """The logarithm of the mean of exp(values) in each row."""
    return values.logsumexp(1) - math.log(values.shape[1])
