"""What a model is: `fit` and `sample`, and whatever else it can do, each as a protocol of its own.

A capability is what the class has *and* its card announces; the contract suite checks that the two
agree. Everything that goes in or comes out lies in the data's domain (see `DataSpec`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor, nn

from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Split
from genbench.api.spec import DataSpec


class GenerativeModel(nn.Module, ABC):
    """Subclass this. Hyperparameters are keyword arguments with defaults, listed on the model's card.

    Learned tensors are parameters or buffers, so that `state_dict` holds all there is to a checkpoint.

    fixed_observation_variance: set it to True where `log_weights` are of an observation model with a variance that
    is a constant, and not learned. The kind of the likelihood says so, and reports rank the two apart.
    """

    fixed_observation_variance: bool = False
    _device_marker: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("_device_marker", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        return self._device_marker.device

    @abstractmethod
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        """Train until `meter.batches` ends. The meter's clock runs from the call to its return."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain; all randomness comes from `generator`."""


@runtime_checkable
class HasLogProb(Protocol):
    """Capability `log_prob`: an exact likelihood."""

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats of the data as it is: a probability of integers where
        `spec.levels` is set, a density where it is not."""


@runtime_checkable
class HasLogWeights(Protocol):
    """Capability `log_weights`: a latent-variable model with an inference network."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(N, *event_shape) -> (N, k) nats: log p(x, z_i) - log q(z_i | x) with z_i drawn from q.

        k=1 averages to the ELBO; logsumexp - log k is the IWAE bound (Burda et al. 2016)."""


@runtime_checkable
class HasDecoder(Protocol):
    """Capability `decode`: samples are decoded latents. GANs and VAEs alike."""

    @property
    def prior(self) -> torch.distributions.Distribution:
        """Over latents; `prior.sample((count,))` is (count, *latent_shape)."""

    def decode(self, z: Tensor) -> Tensor:
        """(N, *latent_shape) -> (N, *decoded_shape(spec)), float: the mean of the observation, differentiable
        in z. It lies on the data's scale, 0..levels-1 where `levels` is set; of tokens it is the probability of each
        symbol, since a mean of symbols says nothing."""


def decoded_shape(spec: DataSpec) -> tuple[int, ...]:
    """Of what `decode` gives for one example: event_shape, and for tokens (*event_shape, levels)."""
    if spec.modality == "tokens" and spec.levels is not None:
        return (*spec.event_shape, spec.levels)
    return spec.event_shape


@runtime_checkable
class HasLogDensity(Protocol):
    """Capability `log_density`: the density of real numbers, for data with levels too. The harness makes a
    likelihood of the integers from it, a lower bound (`genbench.likelihood.dequantisation`)."""

    def log_density(self, x: Tensor) -> Tensor:
        """(N, *event_shape) float -> (N,) nats. Where `spec.levels` is set, integer i of the data is spread over
        [i, i + 1); the density is of numbers in [0, levels), and may lie outside in part."""


@runtime_checkable
class HasEnergy(Protocol):
    """Capability `energy`: p(x) = f(x) / Z with Z unknown, and a path f_beta from a base distribution (beta 0)
    whose integral is known to f (beta 1). The harness estimates Z along it by annealed importance sampling.
    `genbench.likelihood.ais.base_rate_rbm` has the path of an RBM."""

    def log_unnormalised(self, x: Tensor, beta: float = 1.0) -> Tensor:
        """(N, *event_shape) -> (N,) nats, log f_beta(x)."""

    def base_log_partition(self) -> float:
        """log of the sum or integral of f_0, nats."""

    def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) from f_0, in whatever dtype the other methods take."""

    def tempered_step(self, x: Tensor, beta: float, generator: torch.Generator) -> Tensor:
        """(N, *event_shape) -> the same: one transition that leaves f_beta invariant."""


@runtime_checkable
class HasElbo(Protocol):
    """Capability `elbo`: a lower bound that is no average of importance weights, as of diffusion models."""

    def elbo(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats: an unbiased estimate of a lower bound of each example's log-likelihood.
        Chance, where there is any, is torch's global generator."""


@runtime_checkable
class Conditional(Protocol):
    """Capability `condition`: samples of a given class."""

    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        """condition: (count,) int64 labels."""


@runtime_checkable
class Completes(Protocol):
    """Capability `complete`: fills in what is missing."""

    def complete(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """x, mask: (N, *event_shape); mask is True where x is given. Returns x with the rest drawn from the model's
        conditional distribution. Raises UnsupportedMask where the model cannot do that for such a mask."""


@runtime_checkable
class HasMissingLogProb(Protocol):
    """Capability `missing_log_prob`: the exact likelihood of a part given the rest."""

    def missing_log_prob(self, x: Tensor, mask: Tensor) -> Tensor:
        """x, mask: (N, *event_shape) -> (N,) nats of what lies where mask is False, given the rest. Raises
        UnsupportedMask where there is no exact way."""


@runtime_checkable
class HasPredictiveEntropy(Protocol):
    """Capability `predictive_entropy`: how unsure an autoregressive model is of each element before it sees it."""

    def predictive_entropy(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N, *event_shape) nats: the entropy of each element given those before it."""


@runtime_checkable
class Encodes(Protocol):
    """Capability `encode`: a latent for each example."""

    def encode(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N, *latent_shape)."""


@runtime_checkable
class HasSamplingSteps(Protocol):
    """Capability `sampling_steps`: a sampler that gives better samples for more steps, as diffusion models and
    Langevin dynamics do."""

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of steps at which quality and cost are recorded, fewest first. An attribute will do."""

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """steps: None takes as many as the model thinks right."""


def takes_condition(model: object) -> TypeGuard[Conditional]:
    """Whether `sample` takes a condition. `isinstance` sees only that there is a `sample`, which every model has."""
    return _sample_takes(model, "condition")


def takes_sampling_steps(model: object) -> TypeGuard[HasSamplingSteps]:
    """Whether the model has `sampling_budgets`, and `sample` takes a number of steps."""
    return isinstance(model, HasSamplingSteps) and _sample_takes(model, "steps")


def _sample_takes(model: object, name: str) -> bool:
    sample = getattr(model, "sample", None)
    return callable(sample) and name in inspect.signature(sample).parameters


CAPABILITY_PROTOCOLS: dict[str, type] = {
    "log_prob": HasLogProb,
    "log_weights": HasLogWeights,
    "log_density": HasLogDensity,
    "elbo": HasElbo,
    "decode": HasDecoder,
    "energy": HasEnergy,
    "condition": Conditional,
    "complete": Completes,
    "missing_log_prob": HasMissingLogProb,
    "predictive_entropy": HasPredictiveEntropy,
    "encode": Encodes,
    "sampling_steps": HasSamplingSteps,
}
