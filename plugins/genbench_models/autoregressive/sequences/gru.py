"""GRU: a recurrent network with gates reads the steps in turn, and gives the distribution of the next at each.

Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
Translation", https://arxiv.org/abs/1406.1078 (the unit); Graves 2013, https://arxiv.org/abs/1308.0850 (as a
generative model, with mixtures for real values).
"""

from __future__ import annotations

from torch import nn

from genbench import DataSpec
from genbench_models.autoregressive.sequences.recurrent import RecurrentModel


class GRU(RecurrentModel):
    """h_t = (1 - z_t) n_t + z_t h_{t-1}, with an update gate z_t and a reset gate inside n_t."""

    layer = nn.GRU

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
