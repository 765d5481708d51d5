"""Neural spline flow: coupling layers whose maps are monotone rational-quadratic splines.

Durkan, Bekasov, Murray & Papamakarios 2019, "Neural Spline Flows", https://arxiv.org/abs/1906.04032

| part of the paper | here |
|---|---|
| rational-quadratic splines with linear tails (section 3.1) | there, on [-bound, bound] |
| coupling layers, whose first half has splines of its own | there |
| linear layers in LU form between the couplings | left out: the halves take turns |
| residual networks with dropout | changed: plain MLPs |
| multi-scale network on images | left out: images are flat vectors |
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genbench import DataSpec
from genbench_models.flow.normalizing_flow import NormalizingFlow
from genbench_models.flow.splines import identity_parameters, inverse_spline, parameters_of, spline
from genbench_models.layers.networks import mlp
from genbench_models.layers.ranges import at_least, positive


class SplineCoupling(nn.Module):
    """One half of the numbers goes through splines of its own, the other half through splines that a network sets after
    reading the first half. Starts as the identity."""

    def __init__(
        self, dimension: int, hidden: int, layers: int, bins: int, *, reads_first_half: bool
    ) -> None:
        super().__init__()
        first = dimension // 2
        self.halves = [first, dimension - first]
        self.reads_first_half = reads_first_half
        read, set_by_it = self.halves if reads_first_half else self.halves[::-1]
        per_number = parameters_of(bins)
        identity = identity_parameters(bins)
        self.own = nn.Parameter(identity.repeat(read, 1))
        network = mlp(read, hidden, layers, set_by_it * per_number, nn.ReLU)
        last = network[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        last.bias.data.copy_(identity.repeat(set_by_it))
        self.network = nn.Sequential(network, nn.Unflatten(1, (set_by_it, per_number)))

    def _join(self, of_read: Tensor, of_other: Tensor) -> Tensor:
        return torch.cat([of_read, of_other] if self.reads_first_half else [of_other, of_read], 1)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The half that is read, and the other."""
        first, second = x.split(self.halves, 1)
        return (first, second) if self.reads_first_half else (second, first)

    def forward(
        self, x: Float[Tensor, "batch dimension"]
    ) -> tuple[Float[Tensor, "batch dimension"], Float[Tensor, "batch dimension"]]:
        """y, and log dy/dx of each number."""
        read, _ = self._split(x)
        parameters = self._join(self.own.expand(len(x), -1, -1), self.network(read))
        return spline(x, parameters)

    def inverse(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        """The x of a y."""
        read, other = self._split(y)
        read = inverse_spline(read, self.own.expand(len(y), -1, -1))
        return self._join(read, inverse_spline(other, self.network(read)))


class NeuralSplineFlow(NormalizingFlow):
    """Coupling layers that read either half of the numbers in turn, and a standard normal at the end."""

    def __init__(
        self,
        spec: DataSpec,
        *,
        transforms: int = 3,
        hidden: int = 64,
        layers: int = 2,
        bins: int = 16,
        bound: float = 3.0,
        batch_size: int = 256,
        learning_rate: float = 5e-3,
    ) -> None:
        super().__init__(spec, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, transforms=transforms, hidden=hidden, layers=layers)
        at_least(2, bins=bins)
        positive(bound=bound)
        self.bound = bound
        self.couplings = nn.ModuleList(
            SplineCoupling(spec.dimension, hidden, layers, bins, reads_first_half=number % 2 == 0)
            for number in range(transforms)
        )

    def log_prob_of_vectors(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, " batch"]:
        place = y / (2 * self.bound) + 0.5  # [-bound, bound] to [0, 1]
        log_slopes = []
        for coupling in self.couplings:
            place, log_slope = coupling(place)
            log_slopes.append(log_slope)
        z = (place - 0.5) * (2 * self.bound)
        log_each = torch.stack(log_slopes).sum(0) - 0.5 * z.square()
        return log_each.sum(1) - 0.5 * math.log(2 * math.pi) * y.shape[1]

    def vectors_of_noise(self, z: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension"]:
        place = z / (2 * self.bound) + 0.5
        for coupling in reversed(self.couplings):
            assert isinstance(coupling, SplineCoupling)
            place = coupling.inverse(place)
        return (place - 0.5) * (2 * self.bound)
