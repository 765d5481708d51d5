"""What models of numbers in a fixed order share: dimension d given those before it, whatever the modality.

The networks are in their own files.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import working_dtype
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.autoregressive.given_first import require_given_first
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 2048
_POINTS_GRADIENT_NORM = 5.0


@runtime_checkable
class Walk(Protocol):
    """A network evaluated at one dimension after the other.

    order: the dimensions in the order in which they are visited.
    """

    order: list[int]

    def outputs_at(self, position: int) -> Tensor:
        """(B, per): the conditional of the dimension at that place of the order, from all values that were put so
        far."""

    def put(self, position: int, value: Tensor) -> None:
        """A standardised value (B,) that was drawn or given."""


class FlatModel(GenerativeModel):
    """p(x) = prod_d p(x_d | x_1..x_{d-1}).

    components: of a mixture; None means 16 for points, whose conditionals have many modes, and 3 for the rest.

    batch_size: None means 128 for points and 32 for the rest. The density of a point has no bound, and where its modes
    are narrow the gradient of their means has none either: with small batches, or without the norm to which gradients
    are clipped, some seeds lose modes.
    """

    def __init__(
        self, spec: DataSpec, *, components: int | None, batch_size: int | None, learning_rate: float
    ) -> None:
        super().__init__(spec)
        if batch_size is not None:
            at_least(1, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        if components is not None:
            at_least(1, components=components)
        points = spec.modality == "points"
        self.batch_size = batch_size or (128 if points else 32)
        self.gradient_norm = _POINTS_GRADIENT_NORM if points else None
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components or (16 if points else 3))

    @abstractmethod
    def outputs(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension per"]:
        """The parameters of the conditional of each dimension, from standardised inputs."""

    @abstractmethod
    def walk(self, count: int) -> Walk:
        """The network, evaluated dimension by dimension for `count` samples."""

    @abstractmethod
    def start_from(self, first_guess: Float[Tensor, "dimension per"]) -> None:
        """Set the biases of the outputs, so that only the differences from the marginals have to be learned."""

    def log_prob(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact."""
        y = self.standardise(x).flatten(1)
        given = x.flatten(1) if self.spec.is_discrete else y
        total: Tensor = self.conditional.log_prob(given, self.outputs(y)).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    def training_loss(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        """Negative log-likelihood, nats per example."""
        return -self.log_prob(x).mean()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = self.training_loss(batch.x)
            optimiser.zero_grad()
            loss.backward()
            if self.gradient_norm is not None:
                clip_grad_norm_(self.parameters(), self.gradient_norm)
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        x = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0).tensor().to(self.device)
        given = x if self.spec.is_discrete else self.standardise(x)
        self.start_from(self.conditional.first_guess(given.flatten(1)))

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), dimension by dimension."""
        with evaluation_mode(self):
            return self._draw(self.walk(count), count, generator, None)

    def require_possible(self, mask: Shaped[Tensor, "batch *event"]) -> None:
        """Raises UnsupportedMask where the given numbers do not all come before the missing ones."""
        require_given_first(mask.flatten(1), "channel by channel, row by row")

    def missing_log_prob(
        self, x: Shaped[Tensor, "batch *event"], mask: Shaped[Tensor, "batch *event"]
    ) -> Float[Tensor, " batch"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask as `complete` does."""
        self.require_possible(mask)
        y = self.standardise(x).flatten(1)
        each = self.conditional.log_prob(x.flatten(1) if self.spec.is_discrete else y, self.outputs(y))
        if not self.spec.is_discrete:
            each = each - self._scales().log()
        return each.masked_fill(mask.flatten(1), 0.0).sum(1)

    def predictive_entropy(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch *event"]:
        """Nats of each number given those before it."""
        entropy = self.conditional.entropy(self.outputs(self.standardise(x).flatten(1)))
        if not self.spec.is_discrete:
            entropy = entropy + self._scales().log()
        by_event: Tensor = entropy.unflatten(1, self.spec.event_shape)
        return by_event

    def _scales(self) -> Float[Tensor, " dimension"]:
        return self.standardise.scale.expand(self.spec.event_shape).flatten()

    @torch.no_grad()
    def complete(
        self,
        x: Shaped[Tensor, "batch *event"],
        mask: Shaped[Tensor, "batch *event"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "batch *event"]:
        """What is missing (mask False) drawn in order; exact. Raises UnsupportedMask unless all that is given comes
        first."""
        self.require_possible(mask)
        with evaluation_mode(self):
            return self._draw(self.walk(len(x)), len(x), generator, (x.flatten(1), mask.flatten(1)))

    def _draw(
        self, walk: Walk, count: int, generator: torch.Generator, given: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        dimension = self.spec.dimension
        x = torch.zeros(count, dimension, dtype=working_dtype(self.spec), device=self.device)
        scale = self.standardise.scale.expand(self.spec.event_shape).flatten()
        mean = self.standardise.mean.expand(self.spec.event_shape).flatten()
        for position, d in enumerate(walk.order):
            drawn = self.conditional.sample(walk.outputs_at(position), generator)
            if not self.spec.is_discrete:
                drawn = drawn * scale[d] + mean[d]
            if given is not None:
                drawn = torch.where(given[1][:, d], given[0][:, d], drawn)
            x[:, d] = drawn
            walk.put(position, (drawn - mean[d]) / scale[d])
        samples: Tensor = x.unflatten(1, self.spec.event_shape)
        return samples
