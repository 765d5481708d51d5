"""NADE: a hidden layer for every dimension, all of them sharing their weights.

Larochelle & Murray 2011, "The Neural Autoregressive Distribution Estimator", AISTATS; for real values: Uria,
Murray & Larochelle 2013, "RNADE: The Real-Valued Neural Autoregressive Density-Estimator",
https://arxiv.org/abs/1306.0186
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.autoregressive.flat_model import FlatModel
from genbench_models.layers.ranges import at_least


class NADE(FlatModel):
    """h_d = sigmoid(c + sum_{i<d} w_i y_i), outputs_d = V_d h_d + b_d (eqs. 2-3)."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 100,
        components: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(spec, components=components, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, hidden=hidden)
        dimension, per = spec.dimension, self.conditional.per_element
        self.inputs = nn.Parameter(torch.randn(dimension, hidden) / dimension**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.readout = nn.Parameter(torch.randn(dimension, hidden, per) * 0.1 / hidden**0.5)
        self.output_bias = nn.Parameter(torch.zeros(dimension, per))

    def outputs(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension per"]:
        contributions = y.T.unsqueeze(2) * self.inputs.unsqueeze(1)  # D, B, hidden
        before = torch.cat([torch.zeros_like(contributions[:1]), contributions[:-1].cumsum(0)])
        hidden = (before + self.hidden_bias).sigmoid()
        return (hidden @ self.readout).movedim(0, 1) + self.output_bias  # D: a matrix product each

    def start_from(self, first_guess: Float[Tensor, "dimension per"]) -> None:
        self.output_bias.copy_(first_guess)

    def walk(self, count: int) -> HiddenWalk:
        return HiddenWalk(self, count)


class HiddenWalk:
    """The input of the hidden layer is kept; each value adds its contribution (section 2)."""

    def __init__(self, model: NADE, count: int) -> None:
        self.order = list(range(model.spec.dimension))
        self._model = model
        self._told = model.hidden_bias.expand(count, -1).clone()

    def outputs_at(self, position: int) -> Float[Tensor, "batch per"]:
        model = self._model
        return F.linear(self._told.sigmoid(), model.readout[position].T, model.output_bias[position])

    def put(self, position: int, value: Float[Tensor, " batch"]) -> None:
        self._told.addr_(value, self._model.inputs[position])
