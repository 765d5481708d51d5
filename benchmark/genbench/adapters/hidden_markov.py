"""Hidden Markov models of hmmlearn, on tokens and on series."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genbench.adapters.stored_arrays import StoredArrays, fitted_arrays, restore_fitted
from genbench.adapters.untrained import untrained_log_prob, untrained_sample
from genbench.api import ComputeMeter, DataSpec, GenerativeModel, Split

_MAX_SEED = 2**31
_CONVERGED_NATS = 1e-3
"""Expectation maximisation ends where an iteration gains less than this, in nats per example."""
_MAX_ITERATIONS = 1000


class HiddenMarkovModel(StoredArrays, GenerativeModel):
    """A model around one of hmmlearn: CategoricalHMM on tokens, GaussianHMM or GMMHMM on series.

    `build(spec)` makes it. It is trained by one iteration of expectation maximisation at a time, until the budget is
    used up or nothing is gained. The likelihood is exact.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec)
        self._model: Any = None

    @abstractmethod
    def build(self, spec: DataSpec) -> Any:
        """A new model of hmmlearn; of a CategoricalHMM with n_features=spec.levels."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        x = self._sequences(train.tensor())
        rows, lengths = np.concatenate(x), [len(each) for each in x]
        model = self._new(int(torch.randint(_MAX_SEED, ())))
        model.n_iter, before = 1, -np.inf
        for _ in range(_MAX_ITERATIONS):
            model.fit(rows, lengths)
            model.init_params = ""  # the next iteration goes on from here
            model.transmat_ = _with_rows(model.transmat_)
            meter.charge(steps=1, examples=len(x))
            now = float(model.monitor_.history[-1]) / len(x)
            if meter.fraction >= 1 or now - before < _CONVERGED_NATS:
                break
            before = now
        self._model = model
        self.store(fitted_arrays(model)[0])

    def model(self) -> Any:
        """The fitted model of hmmlearn."""
        if self._model is None:
            self._model = self._new(0)
            restore_fitted(self._model, self.stored())
        return self._model

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats, by the forward algorithm."""
        if not len(self.arrays):
            return untrained_log_prob(self.spec, x)
        model = self.model()
        found = [model.score(sequence) for sequence in self._sequences(x)]
        return torch.tensor(found, dtype=torch.float64, device=x.device)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape)."""
        if not len(self.arrays):
            return untrained_sample(self.spec, count, generator)
        seed = int(torch.randint(_MAX_SEED, (), generator=generator, device=generator.device))
        numbers, model, length = np.random.RandomState(seed), self.model(), self.spec.event_shape[0]
        drawn = np.stack([model.sample(length, random_state=numbers)[0] for _ in range(count)])
        x = torch.from_numpy(drawn).reshape(count, *self.spec.event_shape).to(self.device)
        return x.long() if self.spec.is_discrete else x.float()

    def _new(self, seed: int) -> Any:
        return self.build(self.spec).set_params(random_state=seed)

    def _sequences(self, x: Tensor) -> list[Any]:
        """(time, numbers per step) of each example, as hmmlearn wants them."""
        array = x.cpu().numpy().reshape(len(x), self.spec.event_shape[0], -1)
        return list(array if self.spec.is_discrete else array.astype(np.float64))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        self._model = None
        super()._load_from_state_dict(state_dict, prefix, *args)


def _with_rows(transitions: Any) -> Any:
    """The transition matrix, with equal probabilities for states that were never left: hmmlearn gives them zeros, and
    refuses these afterwards."""
    sums = transitions.sum(1, keepdims=True)
    return np.where(sums > 0, transitions / np.where(sums > 0, sums, 1.0), 1 / transitions.shape[1])
