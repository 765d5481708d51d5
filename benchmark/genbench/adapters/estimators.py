"""Density estimators of scikit-learn: `fit`, `score_samples` and `sample`, as mixtures and kernel densities have."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genbench.adapters.scaling import Scaling
from genbench.adapters.stored_arrays import StoredArrays, fitted_arrays, restore_fitted
from genbench.adapters.untrained import untrained_log_prob, untrained_sample
from genbench.api import ComputeMeter, GenerativeModel, Split

_TRAINING_DATA = "training data"
_MAX_SEED = 2**31
_MIN_EXAMPLES, _JITTER = 32, 1e-3
"""Fewer examples than that are repeated, with noise of this standard deviation, in units of the data's: estimators
refuse fewer examples than components, and equal ones."""


class EstimatorModel(StoredArrays, GenerativeModel):
    """A model around an estimator.

    `build()` makes the estimator, unfitted. It is fitted once, to all training examples as vectors of standardised
    numbers (of integers, with uniform noise in each interval), and what the fit takes is charged. The state is what the
    estimator has learned, as arrays; of an estimator that keeps anything else, such as a tree, it is the training data,
    to which the estimator is fitted again where the state is loaded.
    """

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.scaling = Scaling(spec, "standard")
        self._estimator: Any = None

    @abstractmethod
    def build(self) -> Any:
        """A new estimator."""

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.scaling.fit(train)
        x = _enough(self.scaling.spread(train.tensor()).flatten(1).double()).numpy()
        self._estimator = self._seeded(self.build(), int(torch.randint(_MAX_SEED, ()))).fit(x)
        learned, others = fitted_arrays(self._estimator)
        self.store({_TRAINING_DATA: x} if others else learned)
        meter.charge(steps=1, examples=len(train))

    def estimator(self) -> Any:
        """The fitted estimator."""
        if self._estimator is None:
            arrays = self.stored()
            self._estimator = self._seeded(self.build(), 0)
            if _TRAINING_DATA in arrays:
                self._estimator.fit(arrays[_TRAINING_DATA])
            else:
                restore_fitted(self._estimator, arrays)
        return self._estimator

    def log_density(self, x: Tensor) -> Tensor:
        """(N, *event_shape) real numbers -> (N,) nats."""
        if not len(self.arrays):
            return untrained_log_prob(self.spec, x)
        scaled = self.scaling(x).flatten(1).double().cpu().numpy()
        found = torch.from_numpy(np.asarray(self.estimator().score_samples(scaled))).to(x.device)
        return self.scaling.log_density(found)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), in random order: mixtures draw one component after another."""
        if not len(self.arrays):
            return untrained_sample(self.spec, count, generator)
        seed = int(torch.randint(_MAX_SEED, (), generator=generator, device=generator.device))
        estimator = self.estimator()
        if "random_state" in inspect.signature(estimator.sample).parameters:
            drawn = estimator.sample(count, random_state=seed)
        else:
            drawn = self._seeded(estimator, seed).sample(count)
        x = np.asarray(drawn[0] if isinstance(drawn, tuple) else drawn)
        order = torch.randperm(count, generator=generator, device=generator.device).cpu()
        return self.scaling.restore(torch.from_numpy(x)[order].to(self.device))

    def _seeded(self, estimator: Any, seed: int) -> Any:
        return (
            estimator.set_params(random_state=seed) if "random_state" in estimator.get_params() else estimator
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        self._estimator = None
        super()._load_from_state_dict(state_dict, prefix, *args)


def _enough(x: Tensor) -> Tensor:
    if len(x) >= _MIN_EXAMPLES:
        return x
    repeated = x.repeat(-(-_MIN_EXAMPLES // len(x)), 1)
    return repeated + _JITTER * torch.randn(repeated.shape, dtype=x.dtype)
