"""RBM: hidden units that are independent given the data, and data that are independent given them.

Training by contrastive divergence, Hinton 2002, "Training products of experts by minimizing contrastive
divergence", https://doi.org/10.1162/089976602760128018, from chains that persist: Tieleman 2008, "Training
restricted Boltzmann machines using approximations to the likelihood gradient",
https://doi.org/10.1145/1390156.1390290. Units are centred: Melchior, Fischer & Wiskott 2016, "How to center deep
Boltzmann machines", https://jmlr.org/papers/v17/14-237.html.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.energy.hyperparameters import check_counts, check_optimiser
from genbench_models.energy.visible_units import Code, bernoulli, visible_units

# The scale of the first weights is this over the square root of the number of units below, so that a unit's input is of
# this order at first: 0.01 for 28x28 pixels, as in Hinton 2010, "A practical guide to training restricted Boltzmann
# machines", section 8.1.
_INITIAL_INPUT = 0.3
# The weight of the old value in the running mean of the hidden units.
_CENTRE_MEMORY = 0.99


class RBM(GenerativeModel):
    """log p(v, h) = R(v) + c (h - l) + (t(v) - m) W (h - l) - log Z, with h in {0, 1}^H; R, t and the centre m
    belong to the visible units, which depend on the data's domain (`visible_units`); l is the centre of the hidden
    units.

    Along the path from base to model, f_beta(v) has R_beta for R and beta times all the rest.

    cd_steps: sweeps of Gibbs sampling between two steps of learning. persistent: True continues the chains of the step
    before, False starts from the data. chains: how many persistent chains there are. sweeps: of Gibbs sampling before
    a sample is taken; None means 100, and 10 for tokens, each of which has as many visible units as there are symbols.
    """

    hidden_centre: Tensor
    chains: Tensor
    sampling_budgets = (10, 100, 500)

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 256,
        cd_steps: int = 1,
        persistent: bool = True,
        chains: int = 100,
        sweeps: int | None = None,
        batch_size: int = 64,
        learning_rate: float = 0.1,
        momentum: float = 0.5,
        weight_decay: float = 1e-4,
    ) -> None:
        super().__init__(spec)
        if sweeps is None:
            sweeps = 10 if spec.modality == "tokens" else 100
        check_counts(hidden=hidden, cd_steps=cd_steps, chains=chains, sweeps=sweeps, batch_size=batch_size)
        check_optimiser(learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay)
        self.cd_steps = cd_steps
        self.persistent = persistent
        self.sweeps = sweeps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.visible = visible_units(spec)
        self.weights = nn.Parameter(
            _INITIAL_INPUT / math.sqrt(spec.dimension) * torch.randn(self.visible.width, hidden)
        )
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("hidden_centre", torch.full((hidden,), 0.5))
        self.register_buffer("chains", torch.zeros(chains, self.visible.width))

    # ---- the distribution

    def hidden_inputs(self, code: Code) -> Float[Tensor, "n hidden"]:
        """Log odds of each hidden unit given the visible ones."""
        return torch.addmm(self.hidden_bias, self.visible.statistic(code), self.weights)

    def log_f(
        self, code: Code, hidden_inputs: Float[Tensor, "n hidden"], beta: float = 1.0
    ) -> Float[Tensor, " n"]:
        """log f_beta(v), the hidden units summed out; minus the free energy."""
        scaled = beta * hidden_inputs
        hidden = F.softplus(scaled).sum(1) - scaled @ self.hidden_centre
        return self.visible.log_weight(code, beta) + hidden

    def sweep(self, code: Code, generator: torch.Generator | None, beta: float = 1.0) -> Code:
        """Draw the hidden units given the visible ones, then the visible ones given the hidden ones; leaves f_beta
        invariant."""
        h = bernoulli(beta * self.hidden_inputs(code), generator)
        inputs = beta * (h - self.hidden_centre) @ self.weights.T
        return self.visible.draw(inputs, generator, beta)

    # ---- learning

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        self.visible.fit_base(train)
        with torch.no_grad():
            self.chains.copy_(self.visible.draw_base(len(self.chains), None))
        others = [parameter for parameter in self.parameters() if parameter is not self.weights]
        groups: list[dict[str, Any]] = [
            {"params": [self.weights], "weight_decay": self.weight_decay},
            {"params": others},
        ]
        optimiser = torch.optim.SGD(
            groups,
            lr=self.learning_rate,
            momentum=self.momentum,
            fused=True,
        )
        for batch in meter.batches(train, self.batch_size):
            for group in optimiser.param_groups:
                # chains must keep up to the end: linear, to nothing (Tieleman 2008, section 4.6)
                group["lr"] = self.learning_rate * (1 - meter.fraction)
            data = self.visible.encode(batch.x)
            loss, rates = self.contrast(data, self.fantasies(data))
            optimiser.zero_grad()
            loss.backward()
            self.visible.rescale_gradients(self.weights)
            optimiser.step()
            self.visible.keep_in_bounds()
            self.move_hidden_centre(rates)
            meter.log(contrast=loss)

    @torch.no_grad()
    def fantasies(self, data: Code) -> Float[Tensor, "chains code"]:
        """Approximate samples of the model: from the persistent chains, which move on, or from chains started at
        the data."""
        code = self.chains if self.persistent else data
        for _ in range(self.cd_steps):
            code = self.sweep(code, None)
        if self.persistent:
            self.chains.copy_(code)
        return code

    def contrast(
        self, data: Code, fantasies: Float[Tensor, "chains code"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, " hidden"]]:
        """Mean log f of fantasies less that of data, and the mean of the hidden units given data.

        If the fantasies are the model's, its gradient is that of the mean negative log-likelihood (Hinton 2002,
        section 3).
        """
        code = torch.cat([data, fantasies])
        inputs = self.hidden_inputs(code)
        of_data, of_fantasies = self.log_f(code, inputs).split([len(data), len(fantasies)])
        rates = inputs[: len(data)].detach().sigmoid().mean(0)
        return of_fantasies.mean() - of_data.mean(), rates

    @torch.no_grad()
    def move_hidden_centre(self, rates: Float[Tensor, " hidden"]) -> None:
        """Move the centre towards `rates`; the bias of the visible units compensates, so that p does not change."""
        step = (1 - _CENTRE_MEMORY) * (rates - self.hidden_centre)
        self.hidden_centre.add_(step)
        self.visible.bias.add_(self.weights @ step)

    # ---- samples

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: sweeps, of chains that begin where those of training are, at random; or
        else in the base, with half of the sweeps to warm up."""
        sweeps = self.sweeps if steps is None else steps
        if self.persistent:
            chosen = torch.randint(len(self.chains), (count,), generator=generator, device=self.device)
            code = self.chains[chosen]
            for _ in range(sweeps):
                code = self.sweep(code, generator)
        else:
            code = self.visible.draw_base(count, generator)
            for beta in warming_up(sweeps):
                code = self.sweep(code, generator, beta)
        return self.visible.decode(code)

    @torch.no_grad()
    def complete(
        self,
        x: Shaped[Tensor, "n *event"],
        mask: Bool[Tensor, "n *event"],
        generator: torch.Generator,
    ) -> Shaped[Tensor, "n *event"]:
        """The units under `mask` are held; the others begin in the base, and half of the sweeps warm them up."""
        given, held = self.visible.encode(x), self.visible.per_unit(mask)
        code = torch.where(held, given, self.visible.draw_base(len(x), generator))
        for beta in warming_up(self.sweeps):
            code = torch.where(held, given, self.sweep(code, generator, beta))
        return torch.where(mask, x, self.visible.decode(code))

    @torch.no_grad()
    def encode(self, x: Shaped[Tensor, "n *event"]) -> Float[Tensor, "n hidden"]:
        """Probabilities of the hidden units."""
        return self.hidden_inputs(self.visible.encode(x)).sigmoid()

    # ---- what the harness needs for the partition function

    def log_unnormalised(self, x: Shaped[Tensor, "n *event"], beta: float = 1.0) -> Float[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, log f_beta(x)."""
        code = self.visible.encode(x)
        return self.log_f(code, self.hidden_inputs(code), beta)

    def base_log_partition(self) -> float:
        """log of the sum or integral of f_0, nats: at beta 0 each hidden unit doubles it."""
        return self.visible.base_log_partition() + len(self.hidden_bias) * math.log(2)

    def sample_base(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) from f_0."""
        return self.visible.decode(self.visible.draw_base(count, generator))

    def tempered_step(
        self, x: Shaped[Tensor, "n *event"], beta: float, generator: torch.Generator
    ) -> Shaped[Tensor, "n *event"]:
        """One sweep, which leaves f_beta invariant."""
        return self.visible.decode(self.sweep(self.visible.encode(x), generator, beta))


def warming_up(sweeps: int) -> list[float]:
    """One inverse temperature per sweep: rising in the first half, 1 in the second."""
    half = sweeps // 2
    return [min(1.0, (sweep + 1) / (half + 1)) for sweep in range(sweeps)]
