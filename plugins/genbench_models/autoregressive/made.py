"""MADE: a masked network whose every output sees only the inputs before it, so one pass gives them all.

Germain et al. 2015, "MADE: Masked Autoencoder for Distribution Estimation", https://arxiv.org/abs/1502.03509
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.data import working_dtype
from genbench_models.autoregressive.conditionals import conditional_for
from genbench_models.layers.networks import adam, set_learning_rate
from genbench_models.layers.standardise import Standardise

_FIRST_GUESS_EXAMPLES = 2048


class MaskedLinear(nn.Linear):
    """A linear layer with some of its weights held at zero. mask: (outputs, inputs), True where one stays."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)
        with torch.no_grad():
            self.weight.mul_(mask)

    def masked_weight(self) -> Tensor:
        return self.weight * self.mask

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        return F.linear(x, self.masked_weight(), self.bias)


def hidden_degrees(dimension: int, hidden: int) -> Int[Tensor, " hidden"]:
    """Hidden unit k may see the inputs 1..m(k): m evenly spread over 1..D-1, in ascending order."""
    spread = torch.arange(hidden) * max(1, dimension - 1) // hidden
    return spread + 1


class MADE(GenerativeModel):
    """p(x) = prod_d p(x_d | x_1..x_{d-1}), dimensions in the order in which the data have them.

    Units of a hidden layer are sorted by how many inputs they may see. So sampling needs each weight just
    once: when x_d is drawn, only the units of degree d change, and no unit ever changes again.

    components: of a mixture; None: 16 for points, whose conditionals have many humps, 3 for the rest.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        layers: int = 2,
        components: int | None = None,
        dropout: float = 0.3,
        batch_size: int = 32,
        learning_rate: float = 4e-3,
    ) -> None:
        super().__init__(spec)
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.standardise = Standardise(spec)
        self.conditional = conditional_for(spec, components or (16 if spec.modality == "points" else 3))
        dimension = spec.dimension
        degrees = hidden_degrees(dimension, hidden)
        inputs, per_output = torch.arange(1, dimension + 1), self.conditional.per_element
        outputs = inputs.repeat_interleave(per_output)
        self.degrees = degrees.tolist()
        seen = [inputs, *[degrees] * layers]
        self.hidden = nn.Sequential(
            *(MaskedLinear(degrees.unsqueeze(1) >= below.unsqueeze(0)) for below in seen[:-1])
        )
        self.output = MaskedLinear(outputs.unsqueeze(1) > degrees.unsqueeze(0))
        self.dropout = nn.Dropout(0.0 if spec.modality == "points" else dropout)

    def outputs(self, y: Float[Tensor, "batch dimension"]) -> Float[Tensor, "batch dimension per"]:
        """What the conditional of each dimension is, from standardised inputs."""
        for layer in self.hidden:
            y = self.dropout(F.silu(layer(y)))
        outputs: Tensor = self.output(y)
        by_dimension: Tensor = outputs.unflatten(1, (self.spec.dimension, -1))
        return by_dimension

    def log_prob(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact."""
        y = self.standardise(x).flatten(1)
        given = x.flatten(1) if self.spec.is_discrete else y
        total: Tensor = self.conditional.log_prob(given, self.outputs(y)).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        self.standardise.fit(train)
        self.start_from_marginals(train)
        optimiser = adam(self.parameters(), self.learning_rate)
        for batch in meter.batches(train, self.batch_size):
            set_learning_rate(optimiser, self.learning_rate, meter.fraction)
            loss = -self.log_prob(batch.x).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            meter.log(loss=loss)

    @torch.no_grad()
    def start_from_marginals(self, train: Split) -> None:
        """Set the biases of the output to what each dimension is by itself, so that only the rest is to learn."""
        x = train.random_subset(_FIRST_GUESS_EXAMPLES, seed=0).tensor().to(self.device)
        given = x if self.spec.is_discrete else self.standardise(x)
        self.output.bias.copy_(self.conditional.first_guess(given.flatten(1)).flatten())

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape), dimension by dimension; all of them together cost one pass of the network."""
        dimension, per = self.spec.dimension, self.conditional.per_element
        layers = [
            (layer.masked_weight(), layer.bias) for layer in self.hidden if isinstance(layer, MaskedLinear)
        ]
        output_weight, output_bias = self.output.masked_weight(), self.output.bias
        x = torch.zeros(count, dimension, dtype=working_dtype(self.spec), device=self.device)
        y = torch.zeros(count, dimension, device=self.device)  # standardised
        units = [torch.zeros(count, len(self.degrees), device=self.device) for _ in layers]
        scale = self.standardise.scale.expand(self.spec.event_shape).flatten()
        mean = self.standardise.mean.expand(self.spec.event_shape).flatten()
        known = 0  # hidden units of each layer whose value is final
        for d in range(dimension):
            if d:
                until = known + self.degrees[known:].count(d)
                below, width = y, d
                for (weight, bias), here in zip(layers, units, strict=True):
                    fresh = F.linear(below[:, :width], weight[known:until, :width], bias[known:until])
                    here[:, known:until] = F.silu(fresh)
                    below, width = here, until
                known = until
            rows = slice(d * per, (d + 1) * per)
            outputs = F.linear(units[-1][:, :known], output_weight[rows, :known], output_bias[rows])
            drawn = self.conditional.sample(outputs, generator)
            if self.spec.is_discrete:
                x[:, d] = drawn
                y[:, d] = (drawn - mean[d]) / scale[d]
            else:
                y[:, d] = drawn
                x[:, d] = drawn * scale[d] + mean[d]
        samples: Tensor = x.unflatten(1, self.spec.event_shape)
        return samples
