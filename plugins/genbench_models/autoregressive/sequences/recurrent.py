"""What the recurrent models share: a recurrent layer of torch, whose fused kernel reads a whole sequence at once."""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.autoregressive.sequences.sequence_model import SequenceModel, Step
from genbench_models.layers.ranges import at_least


class RecurrentModel(SequenceModel):
    """p(x) = prod_t p(x_t | h_t), h_t = layer(h_{t-1}, x_{t-1}).

    None means what suits the data in a short training. hidden: 24 for series, which tend to be few, 64 for images, 128
    for text and music. dropout: 0 for text, of which there is much, 0.4 for the rest. batch_size: 8 for text and
    music, whose sequences have many steps, 32 for the rest. learning_rate: 0.01 and 0.004 likewise.
    """

    layer: ClassVar[type[nn.RNNBase]]

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int | None,
        layers: int,
        within: str,
        components: int,
        dropout: float | None,
        batch_size: int | None,
        learning_rate: float | None,
    ) -> None:
        is_symbolic = spec.modality in ("tokens", "pianoroll")
        if hidden is None:
            hidden = 128 if is_symbolic else 24 if spec.modality == "series" else 64
        if dropout is None:
            dropout = 0.0 if spec.modality == "tokens" else 0.4
        if batch_size is None:
            batch_size = 8 if is_symbolic else 32
        if learning_rate is None:
            learning_rate = 0.01 if is_symbolic else 0.004
        at_least(1, hidden=hidden, layers=layers)
        super().__init__(
            spec,
            hidden=hidden,
            # each pixel of an image has a place of its own, steps in time share one
            places=spec.dimension if spec.modality == "image" else 1,
            within=within,
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        make: Any = self.layer  # the base class takes the name of the cell besides
        self.recurrent = make(hidden, hidden, layers, batch_first=True)

    def states(self, inputs: Float[Tensor, "batch steps hidden"]) -> Float[Tensor, "batch steps hidden"]:
        states: Tensor = self.recurrent(inputs)[0]
        return states

    def walk(self, count: int) -> Step:
        state: Any = None

        def step(inputs: Float[Tensor, "batch 1 hidden"]) -> Float[Tensor, "batch hidden"]:
            nonlocal state
            hidden, state = self.recurrent(inputs, state)
            last: Tensor = hidden[:, 0]
            return last

        return step
