"""RNN-NADE: a recurrent network that reads frames, and at each frame a NADE over its keys whose biases it sets.

Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in High-Dimensional Sequences: Application
to Polyphonic Music Generation and Transcription", https://arxiv.org/abs/1206.6392, section 4.2
"""

from __future__ import annotations

from torch import nn

from genbench import DataSpec
from genbench_models.autoregressive.sequences.recurrent import RecurrentModel
from genbench_models.autoregressive.sequences.within_step import within_step
from genbench_models.layers.ranges import at_least


class RNNNade(RecurrentModel):
    """b_v(t) = b_v + W_uv u_{t-1}, b_h(t) = b_h + W_uh u_{t-1}, u_t = tanh(b_u + W_uu u_{t-1} + W_vu v_t).

    units: of the NADE's hidden layer. Its weights are the same at all frames.
    """

    layer = nn.RNN

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int | None = None,
        layers: int = 1,
        units: int = 128,
        components: int = 2,
        dropout: float | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
    ) -> None:
        at_least(1, units=units)
        super().__init__(
            spec,
            hidden=hidden,
            layers=layers,
            within="nade",
            components=components,
            dropout=dropout,
            batch_size=batch_size,
            learning_rate=learning_rate,
        )
        self.within = within_step(
            "nade", self.conditional, self.width, self.recurrent.hidden_size, units=units
        )
