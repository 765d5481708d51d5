"""FVSBN: each dimension by logistic regression on those before it.

Frey 1998, "Graphical Models for Machine Learning and Digital Communication", MIT Press; as a baseline of
density estimation: Gan et al. 2015, "Learning Deep Sigmoid Belief Networks with Data Augmentation", AISTATS
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from genbench import DataSpec
from genbench_models.autoregressive.flat_model import FlatModel
from genbench_models.autoregressive.made import MaskedLinear


class FVSBN(FlatModel):
    """A fully visible belief network. For more than two levels the regression is on the conditional's parameters:
    softmax regression, or a mixture whose parameters are linear in the dimensions before."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        components: int | None = None,
        batch_size: int | None = None,
        learning_rate: float = 3e-3,
    ) -> None:
        super().__init__(spec, components=components, batch_size=batch_size, learning_rate=learning_rate)
        inputs = torch.arange(spec.dimension)
        outputs = inputs.repeat_interleave(self.conditional.per_element)
        self.regression = MaskedLinear(outputs.unsqueeze(1) > inputs.unsqueeze(0))
        torch.nn.init.zeros_(self.regression.weight)

    def outputs(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension per"]:
        outputs: Tensor = self.regression(y).unflatten(1, (self.spec.dimension, -1))
        return outputs

    def start_from(self, first_guess: Float[Tensor, "dimension per"]) -> None:
        self.regression.bias.copy_(first_guess.flatten())

    def walk(self, count: int) -> LinearWalk:
        return LinearWalk(self, count)


class LinearWalk:
    """The regression evaluated one row after the other."""

    def __init__(self, model: FVSBN, count: int) -> None:
        self.order = list(range(model.spec.dimension))
        self._weight, self._bias = model.regression.weight, model.regression.bias
        self._per = model.conditional.per_element
        self._y = torch.zeros(count, model.spec.dimension, device=model.device)

    def outputs_at(self, position: int) -> Float[Tensor, "batch per"]:
        rows = slice(position * self._per, (position + 1) * self._per)
        return F.linear(self._y[:, :position], self._weight[rows, :position], self._bias[rows])

    def put(self, position: int, value: Float[Tensor, " batch"]) -> None:
        self._y[:, position] = value
