"""What models of sequences share: an example is a row of elements, read in turn, each with its conditional.

The networks are in their own files: they turn the embedded elements so far into a state for the next one.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.autoregressive.given_first import require_given_first
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.ranges import at_least, positive, shares
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 512
Step = Callable[[Tensor], Tensor]
"""From the next input, (B, 1, hidden), to the state that follows, (B, hidden)."""


class SequenceModel(GenerativeModel):
    """p(x) = prod_i p(x_i | x_1..x_{i-1}).

    Elements are in the order of time, or of pixels row by row. The channels or keys of one moment follow each other, so
    that each may depend on those before it. The input of each step includes the place of the next element: one of
    `places`, which repeat.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int,
        places: int,
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
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components)
        self.places = places
        self.value_in: nn.Module = (
            nn.Embedding(spec.levels, hidden)
            if spec.modality == "tokens" and spec.levels is not None
            else nn.Linear(1, hidden)
        )
        self.place_in = nn.Embedding(places, hidden)
        self.start = nn.Embedding(1, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, self.conditional.per_element)
        nn.init.normal_(self.place_in.weight, std=0.1)
        nn.init.zeros_(self.start.weight)

    def read_captions(self, count: int) -> None:
        """Let a sequence be conditioned on one of `count` captions, which is read before the first element."""
        self.start = nn.Embedding(count, self.start.embedding_dim)
        nn.init.normal_(self.start.weight, std=0.1)

    @abstractmethod
    def states(self, inputs: Float[Tensor, "batch length hidden"]) -> Float[Tensor, "batch length hidden"]:
        """The state at each place, from the inputs up to that place."""

    @abstractmethod
    def walk(self, count: int) -> Step:
        """The network evaluated one element after the other; it remembers its earlier inputs."""

    # ---- elements in a row

    def _to_sequence(self, x: Shaped[Tensor, "batch *event"]) -> Shaped[Tensor, "batch length"]:
        return (x.movedim(1, -1) if self.spec.modality == "image" else x).flatten(1)

    def _from_sequence(self, sequence: Shaped[Tensor, "batch length"]) -> Shaped[Tensor, "batch *event"]:
        if self.spec.modality != "image":
            return sequence.reshape(-1, *self.spec.event_shape)
        channels, height, width = self.spec.event_shape
        return sequence.reshape(-1, height, width, channels).movedim(-1, 1)

    def _embed(self, x: Shaped[Tensor, "batch length"], y: Float[Tensor, "batch length"]) -> Tensor:
        """(B, L, hidden). x: elements as they are. y: standardised."""
        embedded: Tensor = self.value_in(x if isinstance(self.value_in, nn.Embedding) else y.unsqueeze(-1))
        return embedded

    def _elements(self, x: Shaped[Tensor, "batch *event"]) -> tuple[Tensor, Tensor]:
        """The elements as they are and standardised, (B, L) each."""
        y = x.float() if self.spec.modality == "tokens" else self.standardise(x)
        return self._to_sequence(x), self._to_sequence(y)

    # ---- likelihood and training

    def outputs(
        self,
        x: Shaped[Tensor, "batch length"],
        y: Float[Tensor, "batch length"],
        caption: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch length per"]:
        """The parameters of the conditional of each element."""
        place = torch.arange(x.shape[1], device=x.device) % self.places
        start = self._start(len(x), caption)
        before = torch.cat([start, self._embed(x[:, :-1], y[:, :-1])], 1)  # B, L, hidden
        inputs = before + self.place_in(place)
        outputs: Tensor = self.output(self.dropout(self.states(inputs)))
        return outputs

    def _start(self, count: int, caption: Int[Tensor, " batch"] | None) -> Float[Tensor, "batch 1 hidden"]:
        if caption is None:
            caption = torch.zeros(count, dtype=torch.int64, device=self.device)
        start: Tensor = self.start(caption.unsqueeze(1))
        return start

    def log_prob(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact."""
        return self.log_prob_given(x, None)

    def log_prob_given(
        self, x: Shaped[Tensor, "batch *event"], caption: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats given a caption, exact."""
        elements, standardised = self._elements(x)
        given = elements if self.spec.is_discrete else standardised
        total = self.conditional.log_prob(given, self.outputs(elements, standardised, caption)).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    def missing_log_prob(
        self, x: Shaped[Tensor, "batch *event"], mask: Shaped[Tensor, "batch *event"]
    ) -> Float[Tensor, " batch"]:
        """(N,) nats of what is missing given the rest, exact. Raises UnsupportedMask as `complete` does."""
        given = self._to_sequence(mask)
        require_given_first(given, "one element after the other")
        elements, standardised = self._elements(x)
        outputs = self.outputs(elements, standardised)
        each = self.conditional.log_prob(elements if self.spec.is_discrete else standardised, outputs)
        if not self.spec.is_discrete:
            each = each - self._scales().log()
        return each.masked_fill(given, 0.0).sum(1)

    def predictive_entropy(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch *event"]:
        """Nats of each element given those before it."""
        entropy = self.conditional.entropy(self.outputs(*self._elements(x)))
        return self._from_sequence(entropy if self.spec.is_discrete else entropy + self._scales().log())

    def _scales(self) -> Float[Tensor, " length"]:
        return self._to_sequence(self.standardise.scale.expand(1, *self.spec.event_shape))[0]

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self._start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = -self.log_prob(batch.x).mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.parameters(), math.sqrt(self.spec.dimension))
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def _start_from_marginals(self, train: Split) -> None:
        """Set the bias of the output to the marginal distribution of elements, the same at all places."""
        x = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0).tensor().to(self.device)
        elements, standardised = self._elements(x)
        given = elements if self.spec.is_discrete else standardised
        self.output.bias.copy_(self.conditional.first_guess(given.flatten()))

    # ---- samples

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), one step of the network per element."""
        return self._draw(count, generator, None)

    @torch.no_grad()
    def sample_given(self, caption: Int[Tensor, " batch"], generator: torch.Generator) -> Tensor:
        """(B, *event_shape), one sample per caption."""
        return self._draw(len(caption), generator, None, caption)

    @torch.no_grad()
    def complete(
        self,
        x: Shaped[Tensor, "batch *event"],
        mask: Shaped[Tensor, "batch *event"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "batch *event"]:
        """What is missing (mask False) drawn in order; exact. Raises UnsupportedMask unless all that is given comes
        first."""
        require_given_first(self._to_sequence(mask), "one element after the other")
        return self._draw(len(x), generator, (*self._elements(x), self._to_sequence(mask)))

    def _draw(
        self,
        count: int,
        generator: torch.Generator,
        given: tuple[Tensor, Tensor, Tensor] | None,
        caption: Int[Tensor, " batch"] | None = None,
    ) -> Tensor:
        """given: elements as they are, standardised, and which of them stay; (count, L) each."""
        mean, scale = (
            self._to_sequence(part.expand(1, *self.spec.event_shape))[0]
            for part in (self.standardise.mean, self.standardise.scale)
        )
        drawn: list[Tensor] = []
        inputs = self._start(count, caption)
        with evaluation_mode(self):
            step = self.walk(count)
            for i in range(self.spec.dimension):
                state = step(inputs + self.place_in.weight[i % self.places])  # count, hidden
                element = self.conditional.sample(self.output(state), generator)  # count
                if self.spec.is_discrete:
                    standardised = (element - mean[i]) / scale[i]
                else:
                    standardised, element = element, element * scale[i] + mean[i]
                if given is not None:
                    known, known_standardised, stays = (part[:, i] for part in given)
                    element = torch.where(stays, known, element)
                    standardised = torch.where(stays, known_standardised, standardised)
                drawn.append(element)
                inputs = self._embed(element.unsqueeze(1), standardised.unsqueeze(1))
        return self._from_sequence(torch.stack(drawn, 1))
