"""GRU: a recurrent network reads the elements in turn, and says at each what the next one may be.

Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
Translation", https://arxiv.org/abs/1406.1078 (the unit); Graves 2013, https://arxiv.org/abs/1308.0850 (as a
generative model, with mixtures for real values).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.layers.networks import adam, evaluation_mode, set_learning_rate
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 512


class GRU(GenerativeModel):
    """p(x) = prod_i p(x_i | h_i), h_i = GRU(h_{i-1}, x_{i-1}).

    Elements in order of time, or of pixels row by row; channels and keys of one moment follow each other,
    so that they may depend on one another. Each step is told which channel, key or pixel comes next.

    hidden: None: 24 for series, of which there are seldom many, 64 for the rest.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int | None = None,
        layers: int = 1,
        components: int = 2,
        dropout: float = 0.4,
        batch_size: int = 32,
        learning_rate: float = 4e-3,
    ) -> None:
        super().__init__(spec)
        hidden = hidden or (24 if spec.modality == "series" else 64)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components)
        self.places = _places(spec)
        self.value_in: nn.Module = (
            nn.Embedding(spec.levels, hidden)
            if spec.modality == "tokens" and spec.levels is not None
            else nn.Linear(1, hidden)
        )
        self.place_in = nn.Embedding(self.places, hidden)
        self.start = nn.Parameter(torch.zeros(hidden))
        self.recurrent = nn.GRU(hidden, hidden, layers, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, self.conditional.per_element)
        nn.init.normal_(self.place_in.weight, std=0.1)

    # ---- elements in a row

    def _to_sequence(self, x: Shaped[Tensor, "batch *event"]) -> Shaped[Tensor, "batch length"]:
        return (x.movedim(1, -1) if self.spec.modality == "image" else x).flatten(1)

    def _from_sequence(self, sequence: Shaped[Tensor, "batch length"]) -> Shaped[Tensor, "batch *event"]:
        if self.spec.modality != "image":
            return sequence.reshape(-1, *self.spec.event_shape)
        channels, height, width = self.spec.event_shape
        return sequence.reshape(-1, height, width, channels).movedim(-1, 1)

    def _embed(self, x: Shaped[Tensor, "batch length"], y: Float[Tensor, "batch length"]) -> Tensor:
        """(B, L, hidden), from elements as they are and standardised."""
        embedded: Tensor = self.value_in(x if isinstance(self.value_in, nn.Embedding) else y.unsqueeze(-1))
        return embedded

    def _elements(self, x: Shaped[Tensor, "batch *event"]) -> tuple[Tensor, Tensor]:
        """As they are and standardised, (B, L) each."""
        y = x.float() if self.spec.modality == "tokens" else self.standardise(x)
        return self._to_sequence(x), self._to_sequence(y)

    # ---- likelihood and training

    def outputs(
        self, x: Shaped[Tensor, "batch length"], y: Float[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length per"]:
        """What the conditional of each element is."""
        place = torch.arange(x.shape[1], device=x.device) % self.places
        start = self.start.expand(len(x), 1, -1)
        told = torch.cat([start, self._embed(x[:, :-1], y[:, :-1])], 1) + self.place_in(place)  # B, L, hidden
        states, _ = self.recurrent(told)
        outputs: Tensor = self.output(self.dropout(states))
        return outputs

    def log_prob(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact."""
        elements, standardised = self._elements(x)
        given = elements if self.spec.is_discrete else standardised
        total = self.conditional.log_prob(given, self.outputs(elements, standardised)).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

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
        """Set the output's bias to what elements are by themselves, all places alike."""
        x = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0).tensor().to(self.device)
        elements, standardised = self._elements(x)
        given = elements if self.spec.is_discrete else standardised
        self.output.bias.copy_(self.conditional.first_guess(given.flatten()))

    # ---- samples

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), one step of the recurrence an element."""
        mean, scale = (
            self._to_sequence(part.expand(1, *self.spec.event_shape))[0]
            for part in (self.standardise.mean, self.standardise.scale)
        )
        drawn: list[Tensor] = []
        told = self.start.expand(count, 1, -1)
        state: Tensor | None = None
        with evaluation_mode(self):
            for i in range(self.spec.dimension):
                place = self.place_in.weight[i % self.places]
                hidden, state = self.recurrent(told + place, state)
                element = self.conditional.sample(self.output(hidden[:, 0]), generator)  # count
                if self.spec.is_discrete:
                    standardised = (element - mean[i]) / scale[i]
                else:
                    standardised, element = element, element * scale[i] + mean[i]
                drawn.append(element)
                told = self._embed(element.unsqueeze(1), standardised.unsqueeze(1))
        return self._from_sequence(torch.stack(drawn, 1))


def _places(spec: DataSpec) -> int:
    """After how many elements the places repeat: pixels have each their own, times have none."""
    if spec.modality == "image":
        return spec.dimension
    return math.prod(spec.event_shape[1:])
