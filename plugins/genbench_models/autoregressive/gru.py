"""GRU: a recurrent network reads the elements in turn, and gives the distribution of the next at each.

Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
Translation", https://arxiv.org/abs/1406.1078 (the unit); Graves 2013, https://arxiv.org/abs/1308.0850 (as a
generative model, with mixtures for real values).
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.autoregressive.sequence_model import SequenceModel, Step
from genbench_models.layers.ranges import at_least


class GRU(SequenceModel):
    """p(x) = prod_i p(x_i | h_i), h_i = GRU(h_{i-1}, x_{i-1}).

    hidden: None means 24 for series, which tend to be few, and 64 for the rest.
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
        if hidden is None:
            hidden = 24 if spec.modality == "series" else 64
        at_least(1, hidden=hidden, layers=layers)
        super().__init__(
            spec,
            hidden=hidden,
            places=_places(spec),
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        self.recurrent = nn.GRU(hidden, hidden, layers, batch_first=True)

    def states(self, inputs: Float[Tensor, "batch length hidden"]) -> Float[Tensor, "batch length hidden"]:
        states: Tensor = self.recurrent(inputs)[0]
        return states

    def walk(self, count: int) -> Step:
        state: Tensor | None = None

        def step(inputs: Float[Tensor, "batch 1 hidden"]) -> Float[Tensor, "batch hidden"]:
            nonlocal state
            hidden, state = self.recurrent(inputs, state)
            last: Tensor = hidden[:, 0]
            return last

        return step


def _places(spec: DataSpec) -> int:
    """After how many elements the places repeat: each pixel has a place of its own, points in time share one."""
    if spec.modality == "image":
        return spec.dimension
    return math.prod(spec.event_shape[1:])
