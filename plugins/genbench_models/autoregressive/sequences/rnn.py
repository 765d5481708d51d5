"""RNN: the simple recurrent network of Elman reads the steps in turn, and gives the distribution of the next at each.

Elman 1990, "Finding Structure in Time", https://doi.org/10.1207/s15516709cog1402_1; as a generative model of text
Mikolov et al. 2010, "Recurrent neural network based language model", Interspeech
"""

from __future__ import annotations

from torch import nn

from genbench import DataSpec
from genbench_models.autoregressive.sequences.recurrent import RecurrentModel


class RNN(RecurrentModel):
    """h_t = tanh(W x_{t-1} + U h_{t-1} + b)."""

    layer = nn.RNN

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int | None = None,
        layers: int = 1,
        within: str = "autoregressive",
        components: int = 2,
        dropout: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> None:
        super().__init__(
            spec,
            hidden=hidden,
            layers=layers,
            within=within,
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
