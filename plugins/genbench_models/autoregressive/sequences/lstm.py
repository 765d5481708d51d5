"""LSTM: a recurrent network with a memory cell reads the steps in turn, and gives the distribution of the next at each.

Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", https://doi.org/10.1162/neco.1997.9.8.1735; as a generative
model Graves 2013, "Generating Sequences With Recurrent Neural Networks", https://arxiv.org/abs/1308.0850
"""

from __future__ import annotations

from torch import nn

from genbench import DataSpec
from genbench_models.autoregressive.sequences.recurrent import RecurrentModel


class LSTM(RecurrentModel):
    """c_t = f_t c_{t-1} + i_t g_t, h_t = o_t tanh(c_t), with gates f_t, i_t and o_t. torch has a fused kernel for it on
    CPUs too, where a step of a GRU takes about three times as long."""

    layer = nn.LSTM

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
