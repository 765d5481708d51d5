"""A model's likelihood as numbers: in batches, checked, in float64 on the CPU, chance seeded and put back."""

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
# Numbers one call may hold: examples x importance samples x dimension.
_MAX_NUMBERS_PER_CALL = 2**21


@dataclass(frozen=True)
class LikelihoodValues:
    """What `model` says of examples by its method `likelihood`.

    k: draws for what is said of one example: importance samples of log_weights, places in its bins of a density of
    integers, evaluations of elbo. seed: of that chance; every evaluation names itself, so that no two share their
    draws.
    """

    model: GenerativeModel
    method: LikelihoodName
    k: int = 1
    seed: int = 0

    @classmethod
    def of(
        cls, model: GenerativeModel, likelihood: LikelihoodName | None = None, *, k: int = 1, seed: int = 0
    ) -> LikelihoodValues:
        """likelihood: None takes the first of log_prob, log_density, elbo, log_weights that the model has, as the
        harness does.

        Raises ValueError where the model has no such method.
        """
        has = [name for name, protocol in _METHODS.items() if isinstance(model, protocol)]
        if not has or likelihood not in (None, *has):
            raise ValueError(f"{type(model).__name__} has no {likelihood or ', '.join(_METHODS)}")
        return cls(model, likelihood or has[0], k, seed)

    @staticmethod
    def exist_for(model: object) -> bool:
        """Whether the model says anything of an example's likelihood."""
        return isinstance(model, tuple(_METHODS.values()))

    @property
    def spec(self) -> DataSpec:
        return self.model.spec

    @property
    def is_exact(self) -> bool:
        """The log-likelihood itself, without chance."""
        return self.method == "log_prob" or (self.method == "log_density" and not self.spec.is_discrete)

    @property
    def falls_short(self) -> bool:
        """What it says of all there is may add up to less than 1: a bound's looseness is lost, and so is what a
        density of integers puts outside their bins."""
        return self.method == "elbo" or (self.method == "log_density" and self.spec.is_discrete)

    def log_prob(self, x: Tensor, name: str = "") -> Float64[Tensor, " n"]:
        """(N, *event_shape) -> (N,) log p(x).

        Of log_weights, and of a density of integers, the log of a mean that is an unbiased estimate of p(x). Of
        elbo the mean of k draws less three of its standard errors, so that exp of it is at most p(x) on average
        (of a normal error with deviation s, exp averages to exp(s^2 / 2)).
        name: two evaluations of different names draw differently. Raises PluginError where the model raises, or
        returns another shape.
        """
        if self.is_exact:
            return self._batched(x, 1, name, self._log_prob, ())
        draws = self.log_weights(x, self.k, name)
        if self.method == "elbo":
            errors = draws.std(1, correction=1 if self.k > 1 else 0) / math.sqrt(self.k)
            return draws.mean(1) - _BOUND_ERRORS * errors
        return log_mean_exp(draws)

    def log_weights(self, x: Tensor, k: int, name: str = "") -> Float64[Tensor, "n {k}"]:
        """(N, *event_shape) -> (N, k) draws."""
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
    return values.logsumexp(1) - math.log(values.shape[1])
