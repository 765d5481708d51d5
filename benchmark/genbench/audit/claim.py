"""A model's likelihood as numbers: in batches, checked, in float64 on the CPU, chance seeded and put back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from genbench.audit.record import LikelihoodName
from genbench.chance import seeded
from genbench.errors import PluginError
from genbench.job import derive_seed
from genbench.model import GenerativeModel, HasLogProb, HasLogWeights
from genbench.spec import DataSpec

# Numbers one call may hold: examples x importance samples x dimension.
_CALL_NUMBERS = 2**21


@dataclass(frozen=True)
class Claim:
    """What `model` says of examples by its method `likelihood`.

    k: importance samples for an estimate of p(x). seed: of the chance in log_weights; every evaluation names
    itself, so that no two share their draws.
    """

    model: GenerativeModel
    likelihood: LikelihoodName
    k: int = 1
    seed: int = 0

    @classmethod
    def of(
        cls, model: GenerativeModel, likelihood: LikelihoodName | None = None, *, k: int = 1, seed: int = 0
    ) -> Claim:
        """likelihood: None takes log_prob where the model has it, else log_weights, as the harness does.

        Raises ValueError where the model has no such method.
        """
        if likelihood is None:
            likelihood = "log_prob" if isinstance(model, HasLogProb) else "log_weights"
        methods = {"log_prob": isinstance(model, HasLogProb), "log_weights": isinstance(model, HasLogWeights)}
        if not methods[likelihood]:
            raise ValueError(f"{type(model).__name__} has no {likelihood}")
        return cls(model, likelihood, k, seed)

    @property
    def spec(self) -> DataSpec:
        return self.model.spec

    @property
    def is_exact(self) -> bool:
        return self.likelihood == "log_prob"

    def log_prob(self, x: Tensor, name: str = "") -> Float64[Tensor, " n"]:
        """(N, *event_shape) -> (N,) log p(x); of log_weights the log of their mean, an unbiased estimate of p(x).

        name: two evaluations of different names draw differently. Raises PluginError where the model raises, or
        returns another shape.
        """
        if self.is_exact:
            return self._batched(x, 1, name, self._log_prob, ())
        return log_mean_exp(self.log_weights(x, self.k, name))

    def log_weights(self, x: Tensor, k: int, name: str = "") -> Float64[Tensor, "n {k}"]:
        """(N, *event_shape) -> (N, k)."""
        return self._batched(x, k, name, lambda batch: self._log_weights(batch, k), (k,))

    def _batched(
        self, x: Tensor, k: int, name: str, evaluate: Callable[[Tensor], Tensor], shape: tuple[int, ...]
    ) -> Float64[Tensor, "n *k"]:
        size = max(1, _CALL_NUMBERS // (k * self.spec.dimension))
        device = self.model.device
        pieces = [torch.empty((0, *shape), dtype=torch.float64)]
        with torch.no_grad(), seeded(derive_seed(self.seed, name), device):
            for batch in x.split(size):
                values, expected = self._evaluated(evaluate, batch.to(device)), (len(batch), *shape)
                if tuple(values.shape) != expected:
                    raise PluginError(
                        f"{self.likelihood} has shape {tuple(values.shape)}, expected {expected}"
                    )
                pieces.append(values.detach().cpu().double())
        return torch.cat(pieces)

    def _evaluated(self, evaluate: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        try:
            return evaluate(batch)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
            raise PluginError(f"{self.likelihood} of {len(batch)} examples raised {problem}") from error

    def _log_prob(self, x: Tensor) -> Tensor:
        assert isinstance(self.model, HasLogProb)
        return self.model.log_prob(x)

    def _log_weights(self, x: Tensor, k: int) -> Tensor:
        assert isinstance(self.model, HasLogWeights)
        return self.model.log_weights(x, k)


def log_mean_exp(values: Float64[Tensor, "n k"]) -> Float64[Tensor, " n"]:
    return values.logsumexp(1) - math.log(values.shape[1])
