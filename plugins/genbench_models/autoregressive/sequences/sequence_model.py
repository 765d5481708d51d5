"""What models of sequences share: an example is a row of steps, read in turn, each with its distribution.

The networks are in their own files: they turn the steps so far into a state for the next one. What a step is depends on
the data: a frame of all keys, all channels of a moment, a symbol, or a number of an image (`Steps`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import Batch, check_lengths, check_prompt, step_mask
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.autoregressive.given_first import require_given_first
from genbench_models.autoregressive.sequences.within_step import Independent, within_step
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 512
Step = Callable[[Tensor], Tensor]
"""From the next input, (B, 1, hidden), to the state that follows, (B, hidden)."""


class Steps(NamedTuple):
    """Some examples as rows of steps."""

    x: Tensor
    """As they are, (B, steps, width)."""
    y: Tensor
    """Standardised, (B, steps, width)."""


class SequenceModel(GenerativeModel):
    """p(x) = prod_t p(x_t | x_1..x_{t-1}), x_t being a step of `width` numbers.

    Steps are in the order of time. Images have a step for each number, pixels row by row and their channels in turn.
    The input of each step includes the place of the next one: one of `places`, which repeat. within: how the numbers of
    a step depend on each other (`within_step`).
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int,
        places: int,
        within: str,
        components: int,
        dropout: float,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        super().__init__(spec)
        at_least(1, components=components, batch_size=batch_size)
        positive(learning_rate=learning_rate)
        shares(dropout=dropout)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.steps, self.width = steps_of(spec)
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components)
        self.places = places
        self.value_in: nn.Module = (
            nn.Embedding(spec.levels, hidden)
            if spec.modality == "tokens" and spec.levels is not None
            else nn.Linear(self.width, hidden)
        )
        self.place_in = nn.Embedding(places, hidden)
        self.start = nn.Embedding(1, hidden)
        self.dropout = nn.Dropout(dropout)
        self.within = within_step(within, self.conditional, self.width, hidden)
        nn.init.normal_(self.place_in.weight, std=0.1)
        nn.init.zeros_(self.start.weight)

    def read_captions(self, count: int) -> None:
        """Let a sequence be conditioned on one of `count` captions, which is read before the first step."""
        self.start = nn.Embedding(count, self.start.embedding_dim)
        nn.init.normal_(self.start.weight, std=0.1)

    @abstractmethod
    def states(self, inputs: Float[Tensor, "batch steps hidden"]) -> Float[Tensor, "batch steps hidden"]:
        """The state at each step, from the inputs up to that step."""

    @abstractmethod
    def walk(self, count: int) -> Step:
        """The network evaluated one step after the other; it remembers its earlier inputs."""

    # ---- steps in a row

    def _to_steps(self, x: Shaped[Tensor, "batch *event"]) -> Shaped[Tensor, "batch steps width"]:
        if self.spec.modality == "image":
            return x.movedim(1, -1).reshape(len(x), -1, 1)
        return x.reshape(len(x), x.shape[1], self.width)

    def _from_steps(self, steps: Shaped[Tensor, "batch steps width"]) -> Shaped[Tensor, "batch *event"]:
        if self.spec.modality != "image":
            return steps.reshape(len(steps), steps.shape[1], *self.spec.step_shape)
        channels, height, width = self.spec.event_shape
        return steps.reshape(-1, height, width, channels).movedim(-1, 1)

    def read(self, x: Shaped[Tensor, "batch *event"]) -> Steps:
        """The examples as steps. x may end early, as batches of short pieces do."""
        y = x.float() if self.spec.modality == "tokens" else self.standardise(x)
        return Steps(self._to_steps(x), self._to_steps(y))

    def _embed(self, steps: Steps) -> Float[Tensor, "batch steps hidden"]:
        is_symbol = isinstance(self.value_in, nn.Embedding)
        embedded: Tensor = self.value_in(steps.x.squeeze(2) if is_symbol else steps.y)
        return embedded

    # ---- likelihood and training

    def outputs(
        self, steps: Steps, caption: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch steps width per"]:
        """The parameters of the conditional of each number."""
        count, length, _ = steps.x.shape
        place = torch.arange(length, device=steps.x.device) % self.places
        before = self._embed(Steps(steps.x[:, :-1], steps.y[:, :-1]))
        inputs = torch.cat([self._start(count, caption), before], 1) + self.place_in(place)
        return self.within.outputs(self.dropout(self.states(inputs)), steps.y)

    def _start(self, count: int, caption: Int[Tensor, " batch"] | None) -> Float[Tensor, "batch 1 hidden"]:
        if caption is None:
            caption = torch.zeros(count, dtype=torch.int64, device=self.device)
        start: Tensor = self.start(caption.unsqueeze(1))
        return start

    def log_prob_each(
        self, steps: Steps, caption: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch steps width"]:
        """Nats of each number given those before it."""
        outputs = self.outputs(steps, caption)
        if self.spec.is_discrete:
            return self.conditional.log_prob(steps.x, outputs)
        return self.conditional.log_prob(steps.y, outputs) - self._scales().log()

    def log_prob(
        self, x: Shaped[Tensor, "batch *event"], lengths: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact. lengths: of pieces that are padded."""
        return self._total(self.log_prob_each(self.read(x)), lengths)

    def log_prob_given(
        self, x: Shaped[Tensor, "batch *event"], caption: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats given a caption, exact."""
        return self._total(self.log_prob_each(self.read(x), caption), None)

    def _total(
        self, each: Float[Tensor, "batch steps width"], lengths: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, " batch"]:
        of_steps = each.sum(2)
        if lengths is not None:
            of_steps = of_steps.masked_fill(~step_mask(lengths, of_steps.shape[1]), 0.0)
        return of_steps.sum(1)

    def missing_log_prob(
        self, x: Shaped[Tensor, "batch *event"], mask: Bool[Tensor, "batch *event"]
    ) -> Float[Tensor, " batch"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask as `complete` does."""
        given = self._to_steps(mask)
        require_given_first(given.flatten(1), "one step after the other")
        return self._total(self.log_prob_each(self.read(x)).masked_fill(given, 0.0), None)

    def predictive_entropy(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch *event"]:
        """Nats of each number given those before it."""
        entropy = self.conditional.entropy(self.outputs(self.read(x)))
        return self._from_steps(entropy if self.spec.is_discrete else entropy + self._scales().log())

    def _scales(self) -> Float[Tensor, "steps width"]:
        """The scale of each number of a step; of an image, of each step."""
        return self._map()[1]

    def _map(self) -> tuple[Float[Tensor, "steps width"], Float[Tensor, "steps width"]]:
        """Mean and scale that standardise each number: one row for all steps; of an image, a row for each."""
        parts = (self.standardise.mean, self.standardise.scale)
        if self.spec.modality == "tokens":  # symbols have no scale
            mean, scale = torch.zeros_like(parts[0][:1, None]), torch.ones_like(parts[1][:1, None])
        elif self.spec.modality == "image":
            mean, scale = (self._to_steps(part.expand(1, *self.spec.event_shape))[0] for part in parts)
        else:
            mean, scale = (part.expand(1, *self.spec.step_shape).reshape(1, self.width) for part in parts)
        return mean, scale

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = self.loss(batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), math.sqrt(batch.x[0].numel()))
            optimiser.step()
            meter.log(loss=loss)

    def loss(self, batch: Batch) -> Float[Tensor, ""]:
        """Mean negative log-likelihood of the examples, nats."""
        return -self.log_prob(batch.x, batch.lengths).mean()

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        """Set the biases of the outputs to the marginal distribution of each number of a step."""
        some = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0)
        steps = self.read(some.tensor().to(self.device))
        given = steps.x if self.spec.is_discrete else steps.y
        if some.lengths is None:
            rows = given.flatten(0, 1)
        else:
            rows = given[step_mask(some.lengths.to(self.device), given.shape[1])]
        self.within.start_from(self.conditional.first_guess(rows))

    # ---- samples

    @torch.no_grad()
    def sample(
        self, count: int, generator: torch.Generator, *, lengths: Int[Tensor, " count"] | None = None
    ) -> Tensor:
        """(count, *event_shape), one step of the network after the other; with `lengths`, (count, longest,
        *step_shape)."""
        if lengths is None:
            return self._from_steps(self._draw(count, self.steps, generator))
        check_lengths(lengths, count, self.spec.event_shape[0], self.spec.name)
        drawn = self._draw(count, int(lengths.max()), generator)
        inside = step_mask(lengths, drawn.shape[1]).unsqueeze(2)
        return self._from_steps(drawn.masked_fill(~inside, 0))

    @torch.no_grad()
    def sample_given(self, caption: Int[Tensor, " batch"], generator: torch.Generator) -> Tensor:
        """(B, *event_shape), one sample per caption."""
        return self._from_steps(self._draw(len(caption), self.steps, generator, caption=caption))

    @torch.no_grad()
    def continue_from(
        self,
        x: Shaped[Tensor, "batch *event"],
        lengths: Int[Tensor, " batch"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "batch *event"]:
        """x with what follows the first `lengths` steps of each row drawn in order; exact."""
        check_prompt(x, lengths, self.spec)
        steps = self.read(x)
        stays = step_mask(lengths, steps.x.shape[1]).unsqueeze(2).expand_as(steps.x)
        return self._from_steps(self._draw(len(x), steps.x.shape[1], generator, (steps, stays)))

    @torch.no_grad()
    def complete(
        self,
        x: Shaped[Tensor, "batch *event"],
        mask: Bool[Tensor, "batch *event"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "batch *event"]:
        """What is missing (mask False) drawn in order; exact. Raises UnsupportedMask unless all that is given comes
        first."""
        stays = self._to_steps(mask)
        require_given_first(stays.flatten(1), "one step after the other")
        return self._from_steps(self._draw(len(x), stays.shape[1], generator, (self.read(x), stays)))

    def _draw(
        self,
        count: int,
        length: int,
        generator: torch.Generator,
        given: tuple[Steps, Tensor] | None = None,
        caption: Int[Tensor, " batch"] | None = None,
    ) -> Shaped[Tensor, "count length width"]:
        """given: steps, and which of their numbers stay; (count, length, width) each."""
        drawn: list[Tensor] = []
        inputs = self._start(count, caption)
        with evaluation_mode(self):
            step = self.walk(count)
            for t in range(length):
                state = step(inputs + self.place_in.weight[t % self.places])  # count, hidden
                known = None if given is None else (given[0].x[:, t], given[0].y[:, t], given[1][:, t])
                drawn_step = self._draw_step(t, state, generator, known)
                drawn.append(drawn_step.x[:, 0])
                inputs = self._embed(drawn_step)
        return torch.stack(drawn, 1)

    def _draw_step(
        self,
        t: int,
        state: Float[Tensor, "count hidden"],
        generator: torch.Generator,
        known: tuple[Tensor, Tensor, Tensor] | None,
    ) -> Steps:
        """One step, (count, 1, width). known: numbers, standardised numbers, and which of them stay; (count, width)
        each."""
        means, scales = self._map()
        mean, scale = means[t % len(means)], scales[t % len(scales)]
        if isinstance(self.within, Independent):
            drawn = self.conditional.sample(self.within.base(state), generator)
            x, y = self._both(drawn, mean, scale)
            if known is not None:
                x, y = torch.where(known[2], known[0], x), torch.where(known[2], known[1], y)
            return Steps(x.unsqueeze(1), y.unsqueeze(1))
        walk = self.within.walk(state)
        xs, ys = [], []
        for d in range(self.width):
            drawn = self.conditional.sample(walk.outputs_at(d), generator)
            x, y = self._both(drawn, mean[d], scale[d])
            if known is not None:
                stays = known[2][:, d]
                x, y = torch.where(stays, known[0][:, d], x), torch.where(stays, known[1][:, d], y)
            walk.put(d, y)
            xs.append(x)
            ys.append(y)
        return Steps(torch.stack(xs, 1).unsqueeze(1), torch.stack(ys, 1).unsqueeze(1))

    def _both(self, drawn: Tensor, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """A drawn number as it is, and standardised."""
        if self.spec.is_discrete:
            return drawn, (drawn - mean) / scale
        return drawn * scale + mean, drawn


def steps_of(spec: DataSpec) -> tuple[int, int]:
    """How many steps an example has at most, and how many numbers a step has."""
    if spec.modality == "image":
        return spec.dimension, 1
    return spec.event_shape[0], math.prod(spec.step_shape)
