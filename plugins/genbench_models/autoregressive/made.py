"""MADE: a masked network in which each output sees only the inputs before it, so one pass gives all conditionals.

Germain et al. 2015, "MADE: Masked Autoencoder for Distribution Estimation", https://arxiv.org/abs/1502.03509
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import DataSpec
from genbench.errors import UnsupportedMask
from genbench_models.autoregressive.flat_model import FlatModel
from genbench_models.layers.networks import evaluation_mode
from genbench_models.layers.ranges import at_least, shares


class MaskedLinear(nn.Linear):
    """A linear layer with some of its weights held at zero. mask: (outputs, inputs), True for weights that are used."""

    mask: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        super().__init__(mask.shape[1], mask.shape[0], bias)
        # as floats: a product with booleans takes longer
        self.register_buffer("mask", mask.to(self.weight.dtype), persistent=False)
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


@dataclass(frozen=True)
class Layer:
    """A masked layer with its rows and columns sorted into an ordering."""

    weight: Float[Tensor, "outputs inputs"]
    """Masked."""
    bias: Float[Tensor, " outputs"]
    """Added to the outputs."""


class MADE(FlatModel):
    """One network for one ordering of the dimensions, or for several.

    orderings: 1 for the data's own. With more, each has masks of its own over the same weights; training takes
    them in turn, and the model is their mixture: p(x) = 1/m sum_o p_o(x), a mean of probabilities. (A mean of their
    logits, as the paper averages predictions, is not the likelihood of any model that could be sampled.)

    direct: also connect the inputs straight to the outputs (section 4.2), by weights that start at 0; there are as many
    as the square of the dimension.

    Units of a hidden layer are sorted by how many inputs they may see. So sampling needs each weight just
    once: when x_d is drawn, only the units of degree d change, and no unit ever changes again.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 128,
        layers: int = 2,
        direct: bool = False,
        orderings: int = 1,
        components: int | None = None,
        dropout: float = 0.3,
        batch_size: int | None = None,
        learning_rate: float = 4e-3,
    ) -> None:
        super().__init__(spec, components=components, batch_size=batch_size, learning_rate=learning_rate)
        at_least(1, hidden=hidden, layers=layers, orderings=orderings)
        shares(dropout=dropout)
        dimension = spec.dimension
        degrees = hidden_degrees(dimension, hidden)
        inputs, per_output = torch.arange(1, dimension + 1), self.conditional.per_element
        outputs = inputs.repeat_interleave(per_output)
        self.orderings = orderings
        self.degrees = degrees.tolist()
        seen = [inputs, *[degrees] * layers]
        self.hidden = nn.ModuleList(
            MaskedLinear(degrees.unsqueeze(1) >= below.unsqueeze(0)) for below in seen[:-1]
        )
        self.output = MaskedLinear(outputs.unsqueeze(1) > degrees.unsqueeze(0))
        self.direct: MaskedLinear | None = None
        if direct:
            self.direct = MaskedLinear(outputs.unsqueeze(1) > inputs.unsqueeze(0), bias=False)
            nn.init.zeros_(self.direct.weight)
        self.dropout = nn.Dropout(0.0 if spec.modality == "points" else dropout)
        self._turn = 0

    def order(self, ordering: int) -> Int[Tensor, " dimension"]:
        """The dimensions in the order in which an ordering takes them; the first is the data's own."""
        return _permutation(self.spec.dimension, ordering, 0).to(self.device)

    def layers(self, ordering: int) -> list[Layer]:
        """The layers as `ordering` uses them, the output layer last, rows and columns sorted into its order."""
        modules = [*self.hidden, self.output]
        if ordering == 0:
            return [Layer(each.masked_weight(), each.bias) for each in modules]
        sorted_layers: list[Layer] = []
        columns = self.order(ordering)
        for number, module in enumerate(modules, 1):
            assert isinstance(module, MaskedLinear)
            if module is self.output:
                rows = self._output_rows(ordering)
            else:
                rows = _permutation(module.out_features, ordering, number).to(self.device)
            weight = module.weight[rows][:, columns] * module.mask
            sorted_layers.append(Layer(weight, module.bias[rows]))
            columns = rows
        return sorted_layers

    def direct_weight(self, ordering: int) -> Float[Tensor, "outputs dimension"] | None:
        """Masked, rows and columns sorted into the ordering; None without direct connections."""
        if self.direct is None:
            return None
        return self.direct.weight[self._output_rows(ordering)][:, self.order(ordering)] * self.direct.mask

    def _output_rows(self, ordering: int) -> Int[Tensor, " outputs"]:
        per = self.conditional.per_element
        return (self.order(ordering).unsqueeze(1) * per + torch.arange(per, device=self.device)).flatten()

    def outputs(
        self, y: Float[Tensor, "batch dimension"], ordering: int = 0
    ) -> Float[Tensor, "batch dimension per"]:
        """The parameters of the conditional of each dimension, from standardised inputs; both in the data's order."""
        *hidden, last = self.layers(ordering)
        h = inputs = y if ordering == 0 else y[:, self.order(ordering)]
        for layer in hidden:
            h = self.dropout(F.silu(F.linear(h, layer.weight, layer.bias)))
        flat = F.linear(h, last.weight, last.bias)
        if (direct := self.direct_weight(ordering)) is not None:
            flat = flat + F.linear(inputs, direct)
        outputs = flat.unflatten(1, (self.spec.dimension, -1))
        by_dimension: Tensor = outputs if ordering == 0 else outputs[:, self.order(ordering).argsort()]
        return by_dimension

    def log_prob_of(self, x: Shaped[Tensor, "batch *event"], ordering: int) -> Float[Tensor, " batch"]:
        """Nats under one ordering."""
        y = self.standardise(x).flatten(1)
        given = x.flatten(1) if self.spec.is_discrete else y
        total: Tensor = self.conditional.log_prob(given, self.outputs(y, ordering)).sum(1)
        return total if self.spec.is_discrete else total + self.standardise.log_abs_det_jacobian()

    def log_prob(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, " batch"]:
        """(N, *event_shape) -> (N,) nats, exact: of the mixture of all orderings."""
        each = torch.stack([self.log_prob_of(x, ordering) for ordering in range(self.orderings)])
        return torch.logsumexp(each, 0) - math.log(self.orderings)

    def training_loss(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, ""]:
        self._turn = (self._turn + 1) % self.orderings
        return -self.log_prob_of(x, self._turn).mean()

    def start_from(self, first_guess: Float[Tensor, "dimension per"]) -> None:
        self.output.bias.copy_(first_guess.flatten())

    def require_possible(self, mask: Shaped[Tensor, "batch *event"]) -> None:
        """Raises UnsupportedMask, also where there are several orderings: what comes first in one comes later in
        another."""
        if self.orderings > 1:
            raise UnsupportedMask(
                f"a mixture of {self.orderings} orderings has no conditional in closed form"
            )
        super().require_possible(mask)

    def predictive_entropy(self, x: Shaped[Tensor, "batch *event"]) -> Float[Tensor, "batch *event"]:
        """Nats of each number given those before it; with several orderings, under the data's own."""
        return super().predictive_entropy(x)

    def walk(self, count: int, ordering: int = 0) -> MaskedWalk:
        return MaskedWalk(self, count, ordering)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape); all dimensions together cost one pass of the network."""
        if self.orderings == 1:
            return super().sample(count, generator)
        which = torch.randint(self.orderings, (count,), generator=generator, device=self.device)
        pieces, places = [], []
        with evaluation_mode(self):
            for ordering in range(self.orderings):
                chosen = (which == ordering).nonzero()[:, 0]
                if len(chosen):
                    walk = self.walk(len(chosen), ordering)
                    pieces.append(self._draw(walk, len(chosen), generator, None))
                    places.append(chosen)
        return torch.cat(pieces)[torch.cat(places).argsort()]


class MaskedWalk:
    """The network evaluated at one dimension after the other, each weight used once."""

    def __init__(self, model: MADE, count: int, ordering: int) -> None:
        self.order: list[int] = model.order(ordering).tolist()
        *self._hidden, self._last = model.layers(ordering)
        self._direct = model.direct_weight(ordering)
        self._degrees = model.degrees
        self._per = model.conditional.per_element
        device = model.device
        self._y = torch.zeros(count, len(self.order), device=device)
        self._units = [torch.zeros(count, len(self._degrees), device=device) for _ in self._hidden]
        self._known = 0  # hidden units of each layer whose value is final

    def outputs_at(self, position: int) -> Float[Tensor, "batch per"]:
        if position:
            until = self._known + self._degrees[self._known :].count(position)
            below, width = self._y, position
            for layer, here in zip(self._hidden, self._units, strict=True):
                rows = slice(self._known, until)
                here[:, rows] = F.silu(
                    F.linear(below[:, :width], layer.weight[rows, :width], layer.bias[rows])
                )
                below, width = here, until
            self._known = until
        rows, known = slice(position * self._per, (position + 1) * self._per), self._known
        outputs = F.linear(self._units[-1][:, :known], self._last.weight[rows, :known], self._last.bias[rows])
        if self._direct is not None:
            outputs = outputs + F.linear(self._y[:, :position], self._direct[rows, :position])
        return outputs

    def put(self, position: int, value: Float[Tensor, " batch"]) -> None:
        self._y[:, position] = value


def _permutation(size: int, ordering: int, layer: int) -> Int[Tensor, " size"]:
    """A fixed permutation, the same in every instance; the identity for the first ordering."""
    if ordering == 0:
        return torch.arange(size)
    return torch.randperm(size, generator=torch.Generator().manual_seed(1000 * ordering + layer))
