"""What a model is: `fit` and `sample`, and a protocol for each further capability.

A model has a capability if its class has the methods and its card announces it; the contract suite checks that the two
agree. All data that a model takes or returns lie in the data set's domain (see `DataSpec`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Protocol, TypeGuard, runtime_checkable

import torch
from torch import Tensor, nn

from genbench.api.cards import Capability
from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Split
from genbench.api.spec import DataSpec


class GenerativeModel(nn.Module, ABC):
    """The base class of models. Hyperparameters are keyword arguments with defaults.

    Learned tensors must be parameters or buffers, so that `state_dict` holds the whole model.
    """

    fixed_observation_variance: bool = False
    """Whether `log_weights` use an observation model with a constant variance. Such likelihoods have their own kind,
    and reports do not rank them with those of a learned variance."""
    _device_marker: Tensor
    """An empty buffer, which follows the model from device to device."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.spec = spec
        """Domain of the data."""
        self.register_buffer("_device_marker", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the model's tensors are."""
        return self._device_marker.device

    @abstractmethod
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        """Train until `meter.batches` ends. The meter's clock runs from the call of this method to its return."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Samples, (count, *event_shape), in the data's domain. All randomness comes from `generator`."""


@runtime_checkable
class HasLogProb(Protocol):
    """Capability `log_prob`: an exact likelihood."""

    def log_prob(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats: the log-probability of the integers where `spec.levels` is set, a log-density
        where it is not."""


@runtime_checkable
class HasLogWeights(Protocol):
    """Capability `log_weights`: a latent-variable model with an inference network."""

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """(N, *event_shape) -> (N, k) nats: log p(x, z_i) - log q(z_i | x) with z_i drawn from q.

        The mean over draws is the ELBO; logsumexp - log k is the IWAE bound (Burda et al. 2016)."""


@runtime_checkable
class HasDecoder(Protocol):
    """Capability `decode`: samples are decoded latents, as of GANs and VAEs."""

    @property
    def prior(self) -> torch.distributions.Distribution:
        """Distribution of latents; `prior.sample((count,))` is (count, *latent_shape)."""

    def decode(self, z: Tensor) -> Tensor:
        """(N, *latent_shape) -> (N, *decoded_shape(spec)), float, differentiable in z: the mean of the observation, on
        the data's scale (0..levels-1 where `levels` is set). For tokens it is the probability of each symbol, since
        symbols have no mean."""


def decoded_shape(spec: DataSpec) -> tuple[int, ...]:
    """Shape of one decoded latent: `event_shape`; for tokens (*event_shape, levels)."""
    if spec.modality == "tokens" and spec.levels is not None:
        return (*spec.event_shape, spec.levels)
    return spec.event_shape


@runtime_checkable
class HasLogDensity(Protocol):
    """Capability `log_density`: a density of real numbers, for data with levels too. For these the harness computes
    from it a lower bound on the likelihood of the integers (`genbench.likelihood.dequantisation`)."""

    def log_density(self, x: Tensor) -> Tensor:
        """(N, *event_shape) float -> (N,) nats. Where `spec.levels` is set, integer i of the data stands for
        [i, i + 1), and x is in [0, levels). Some of the density may lie outside."""


@runtime_checkable
class HasEnergy(Protocol):
    """Capability `energy`: p(x) = f(x) / Z with Z unknown, and a path f_beta from a base distribution with a known
    integral (beta = 0) to f (beta = 1). The harness estimates Z by annealed importance sampling along the path.
    `genbench.likelihood.ais.base_rate_rbm` has the path of an RBM."""

    def log_unnormalised(self, x: Tensor, beta: float = 1.0) -> Tensor:
        """log f_beta(x): (N, *event_shape) -> (N,) nats."""

    def base_log_partition(self) -> float:
        """The logarithm of the sum or integral of f_0, in nats."""

    def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws from f_0, (count, *event_shape), in the type that the other methods take."""

    def tempered_step(self, x: Tensor, beta: float, generator: torch.Generator) -> Tensor:
        """(N, *event_shape) -> (N, *event_shape): one transition of a Markov chain that leaves f_beta invariant."""


@runtime_checkable
class HasElbo(Protocol):
    """Capability `elbo`: a lower bound that is not a mean of log importance weights, such as a diffusion model's."""

    def elbo(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N,) nats: an unbiased estimate of a lower bound on each example's log-likelihood.
        Random numbers come from torch's global generator."""


@runtime_checkable
class Conditional(Protocol):
    """Capability `condition`: samples of a given class."""

    def sample(self, count: int, generator: torch.Generator, *, condition: Tensor | None = None) -> Tensor:
        """Samples of the classes `condition`, (count,) int64; None lets the model choose classes."""


@runtime_checkable
class Completes(Protocol):
    """Capability `complete`: fills in the missing part of an example."""

    def complete(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """x, mask: (N, *event_shape); mask is True where x is given. Returns x with the other values drawn from the
        model's conditional distribution. Raises UnsupportedMask for masks that the model cannot fill in."""


@runtime_checkable
class HasMissingLogProb(Protocol):
    """Capability `missing_log_prob`: the exact likelihood of one part of an example given the other."""

    def missing_log_prob(self, x: Tensor, mask: Tensor) -> Tensor:
        """x, mask: (N, *event_shape) -> (N,) nats: the log-probability of the values where mask is False, given those
        where it is True. Raises UnsupportedMask for masks for which the model has no exact value."""


@runtime_checkable
class HasPredictiveEntropy(Protocol):
    """Capability `predictive_entropy`: an autoregressive model's uncertainty about each element."""

    def predictive_entropy(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N, *event_shape) nats: the entropy of each element given those before it."""


@runtime_checkable
class HasAttention(Protocol):
    """Capability `attention`: what a model of sequences looked at."""

    def attention(self, x: Tensor) -> Tensor:
        """(N, T, *step_shape) -> (N, T, T), shares: how much step j was looked at before step i was known, 0 where
        j is not before i. Rows sum to 1 at most; what is missing went to no step. A model that takes images, too, is
        not asked for those of images."""


@runtime_checkable
class Encodes(Protocol):
    """Capability `encode`: maps examples to latents."""

    def encode(self, x: Tensor) -> Tensor:
        """(N, *event_shape) -> (N, *latent_shape), one latent for each example."""


@runtime_checkable
class HasSamplingSteps(Protocol):
    """Capability `sampling_steps`: a sampler whose samples improve with the number of its steps, as in diffusion models
    and Langevin dynamics."""

    @property
    def sampling_budgets(self) -> tuple[int, ...]:
        """Numbers of steps at which quality and cost are recorded, fewest first. A plain attribute will do."""

    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """Samples drawn in that many steps; None lets the model choose the number."""


@runtime_checkable
class TakesLengths(Protocol):
    """Capability `lengths`: sequences of different lengths. Only models that have it are run on data whose spec says
    `variable_length`.

    `sample` and every likelihood method of the model (`log_prob`, `log_density`, `log_weights`, `elbo`) take `lengths`.
    A likelihood is that of the first `lengths[i]` steps of each row, given that the piece has so many: padding costs
    nothing, and what stands in it changes nothing. x may have any number of steps that the lengths fit in. None:
    every step of x belongs to the example."""

    def sample(self, count: int, generator: torch.Generator, *, lengths: Tensor | None = None) -> Tensor:
        """Samples of `lengths` steps, (count,) int64 in 1..event_shape[0]; (count, longest, *step_shape), 0 beyond each
        length, `longest` being the largest of the lengths. None: all have `event_shape[0]` steps. Raises DataError, in
        one line, for lengths that are out of range."""


@runtime_checkable
class Continues(Protocol):
    """Capability `continue`: continues a prompt."""

    def continue_from(self, x: Tensor, lengths: Tensor, generator: torch.Generator) -> Tensor:
        """x (N, T, *step_shape) with all steps after the first `lengths[i]` of each row drawn from the model's
        conditional distribution; T, at most `event_shape[0]`, is the length of the result. lengths: (N,) int64. Raises
        DataError, in one line, for a prompt that is empty or longer than the context (`genbench.api.check_prompt`)."""


@runtime_checkable
class Translates(Protocol):
    """Capability `translate`: answers the source of a pair."""

    def translate(self, x: Tensor) -> Tensor:
        """x (N, T) int64 with all steps after the first `spec.source_steps` of each row replaced by the model's best
        answer, which depends on the source alone: no random numbers are used, and what x holds there is not read."""


def takes_condition(model: object) -> TypeGuard[Conditional]:
    """Whether `sample` takes a condition. `isinstance` sees only that there is a `sample`, which every model has."""
    return _sample_takes(model, "condition")


def takes_sampling_steps(model: object) -> TypeGuard[HasSamplingSteps]:
    """Whether the model has `sampling_budgets`, and `sample` takes a number of steps."""
    return isinstance(model, HasSamplingSteps) and _sample_takes(model, "steps")


def takes_lengths(model: object) -> TypeGuard[TakesLengths]:
    """Whether `sample`, and every likelihood method that the model has, take lengths."""
    methods = ("log_prob", "log_density", "log_weights", "elbo")
    return _sample_takes(model, "lengths") and all(
        "lengths" in inspect.signature(getattr(model, name)).parameters
        for name in methods
        if callable(getattr(model, name, None))
    )


def _sample_takes(model: object, name: str) -> bool:
    sample = getattr(model, "sample", None)
    return callable(sample) and name in inspect.signature(sample).parameters


CAPABILITY_PROTOCOLS: dict[Capability, type] = {
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
    "attention": HasAttention,
    "encode": Encodes,
    "sampling_steps": HasSamplingSteps,
    "lengths": TakesLengths,
    "continue": Continues,
    "translate": Translates,
}


def capabilities_of(model: object) -> set[Capability]:
    """The capabilities that an object has, a model or its class: those whose methods and properties are there. A class
    shows only what it defines itself, not what its constructor assigns."""
    found: set[Capability] = {"sample"}
    found.update(name for name, protocol in CAPABILITY_PROTOCOLS.items() if isinstance(model, protocol))
    # `isinstance` sees that there is a `sample`, not what it takes
    if not takes_condition(model):
        found.discard("condition")
    if not takes_sampling_steps(model):
        found.discard("sampling_steps")
    if not takes_lengths(model):
        found.discard("lengths")
    return found
