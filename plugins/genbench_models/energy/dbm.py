"""Deep Boltzmann machine: two layers of hidden units, the upper of which is connected to the data through the lower.

Salakhutdinov & Hinton 2009, "Deep Boltzmann machines", https://proceedings.mlr.press/v5/salakhutdinov09a.html: mean
field given the data, chains that persist for the model. All layers are trained at once, which centred units allow:
Montavon & Müller 2012, "Deep Boltzmann machines and the centering trick",
https://doi.org/10.1007/978-3-642-35289-8_33.

No likelihood is announced. Mean field gives a lower bound of log f(x), and annealing an estimate of log Z that tends to
be too small. Their difference is neither a bound of the log-likelihood nor, as it is for an RBM, an estimate of it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench_models.energy.hyperparameters import check_counts, check_optimiser
from genbench_models.energy.rbm import warming_up
from genbench_models.energy.visible_units import Code, bernoulli, visible_units

# The scale of the first weights is this over the square root of the number of units below, so that a unit's input is of
# this order at first: 0.01 for 28x28 pixels, as in Hinton 2010, "A practical guide to training restricted Boltzmann
# machines", section 8.1.
_INITIAL_INPUT = 0.3
# The weight of the old value in the running means of the hidden units.
_CENTRE_MEMORY = 0.99


class DBM(GenerativeModel):
    """log p(v, h, g) = R(v) + c (h - l) + (t(v) - m) W (h - l) + d (g - k) + (h - l) U (g - k) - log Z, with h in
    {0, 1}^hidden and g in {0, 1}^upper; R, t and the centre m belong to the visible units (`visible_units`).

    upper: units of the second layer. mean_field_steps: rounds of mean field given the data. gibbs_steps: sweeps of the
    chains between two steps of learning. chains: how many there are. sweeps: before a sample is taken.
    """

    hidden_centre: Tensor
    upper_centre: Tensor
    chains: Tensor
    upper_chains: Tensor
    sampling_budgets = (10, 100, 500)

    def __init__(
        self,
        spec: DataSpec,
        *,
        hidden: int = 256,
        upper: int = 128,
        mean_field_steps: int = 5,
        gibbs_steps: int = 2,
        chains: int = 100,
        sweeps: int = 100,
        batch_size: int = 64,
        learning_rate: float = 0.05,
        momentum: float = 0.5,
        weight_decay: float = 1e-4,
    ) -> None:
        super().__init__(spec)
        check_counts(
            hidden=hidden,
            upper=upper,
            mean_field_steps=mean_field_steps,
            gibbs_steps=gibbs_steps,
            chains=chains,
            sweeps=sweeps,
            batch_size=batch_size,
        )
        check_optimiser(learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay)
        self.mean_field_steps = mean_field_steps
        self.gibbs_steps = gibbs_steps
        self.sweeps = sweeps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.visible = visible_units(spec)
        self.weights = nn.Parameter(
            _INITIAL_INPUT / math.sqrt(spec.dimension) * torch.randn(self.visible.width, hidden)
        )
        self.upper_weights = nn.Parameter(_INITIAL_INPUT / math.sqrt(hidden) * torch.randn(hidden, upper))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.upper_bias = nn.Parameter(torch.zeros(upper))
        self.register_buffer("hidden_centre", torch.full((hidden,), 0.5))
        self.register_buffer("upper_centre", torch.full((upper,), 0.5))
        self.register_buffer("chains", torch.zeros(chains, self.visible.width))
        self.register_buffer("upper_chains", torch.zeros(chains, upper))

    # ---- the distribution

    def from_below(self, code: Code) -> Float[Tensor, "n hidden"]:
        """The input of the lower hidden units from the data, their bias included."""
        return torch.addmm(self.hidden_bias, self.visible.statistic(code), self.weights)

    def from_above(self, g: Float[Tensor, "n upper"]) -> Float[Tensor, "n hidden"]:
        return (g - self.upper_centre) @ self.upper_weights.T

    def upper_inputs(self, h: Float[Tensor, "n hidden"]) -> Float[Tensor, "n upper"]:
        """Log odds of each upper unit given the lower ones."""
        return torch.addmm(self.upper_bias, h - self.hidden_centre, self.upper_weights)

    def log_joint(
        self, code: Code, h: Float[Tensor, "n hidden"], g: Float[Tensor, "n upper"]
    ) -> Float[Tensor, " n"]:
        """log f(v, h, g), which is linear in h and in g: given probabilities instead of states it is the expected
        value under independent units."""
        lower = ((self.from_below(code) + self.from_above(g)) * (h - self.hidden_centre)).sum(1)
        return self.visible.log_weight(code) + lower + (g - self.upper_centre) @ self.upper_bias

    def mean_field(self, code: Code) -> tuple[Float[Tensor, "n hidden"], Float[Tensor, "n upper"]]:
        """Probabilities of the hidden units given the data, as if they were independent: coordinate ascent of the
        bound of log p(v), layer by layer (Salakhutdinov & Hinton 2009, section 3.2)."""
        below = self.from_below(code)
        h = below.sigmoid()
        g = self.upper_inputs(h).sigmoid()
        for _ in range(self.mean_field_steps):
            h = (below + self.from_above(g)).sigmoid()
            g = self.upper_inputs(h).sigmoid()
        return h, g

    def sweep(
        self,
        code: Code,
        g: Float[Tensor, "n upper"],
        generator: torch.Generator | None,
        beta: float = 1.0,
    ) -> tuple[Float[Tensor, "n code"], Float[Tensor, "n upper"]]:
        """Draw the lower hidden units given both their neighbours, then the neighbours given them; leaves f_beta
        invariant."""
        h = bernoulli(beta * (self.from_below(code) + self.from_above(g)), generator)
        g = bernoulli(beta * self.upper_inputs(h), generator)
        inputs = beta * (h - self.hidden_centre) @ self.weights.T
        return self.visible.draw(inputs, generator, beta), g

    # ---- learning

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        self.visible.fit_base(train)
        with torch.no_grad():
            self.chains.copy_(self.visible.draw_base(len(self.chains), None))
            self.upper_chains.copy_(bernoulli(torch.zeros_like(self.upper_chains), None))
        matrices = [self.weights, self.upper_weights]
        vectors = [self.hidden_bias, self.upper_bias, *self.visible.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": self.weight_decay},
            {"params": vectors},
        ]
        optimiser = torch.optim.SGD(
            groups,
            lr=self.learning_rate,
            momentum=self.momentum,
            fused=True,
        )
        for batch in meter.batches(train, self.batch_size):
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate * (1 - meter.fraction)
            data = self.visible.encode(batch.x)
            with torch.no_grad():
                h, g = self.mean_field(data)
                self.move_chains()
            loss = self.contrast(data, h, g, self.chains, self.upper_chains)
            optimiser.zero_grad()
            loss.backward()
            self.visible.rescale_gradients(self.weights)
            optimiser.step()
            self.visible.keep_in_bounds()
            self.move_centres(h.mean(0), g.mean(0))
            meter.log(contrast=loss)

    @torch.no_grad()
    def move_chains(self) -> None:
        code, g = self.chains, self.upper_chains
        for _ in range(self.gibbs_steps):
            code, g = self.sweep(code, g, None)
        self.chains.copy_(code)
        self.upper_chains.copy_(g)

    def contrast(
        self,
        data: Code,
        h: Float[Tensor, "n hidden"],
        g: Float[Tensor, "n upper"],
        fantasies: Float[Tensor, "chains code"],
        upper_fantasies: Float[Tensor, "chains upper"],
    ) -> Float[Tensor, ""]:
        """Mean log f of fantasies less that of data. h, g: by mean field. If the fantasies are the model's, its
        gradient is that of minus the mean lower bound of log p (Salakhutdinov & Hinton 2009, section 3)."""
        with torch.no_grad():
            lower = (self.from_below(fantasies) + self.from_above(upper_fantasies)).sigmoid()
        of_fantasies = self.log_joint(fantasies, lower, upper_fantasies)
        return of_fantasies.mean() - self.log_joint(data, h, g).mean()

    @torch.no_grad()
    def move_centres(self, h: Float[Tensor, " hidden"], g: Float[Tensor, " upper"]) -> None:
        """Move the centres towards h and g; the adjacent biases compensate, so that p does not change."""
        step = (1 - _CENTRE_MEMORY) * (h - self.hidden_centre)
        upper_step = (1 - _CENTRE_MEMORY) * (g - self.upper_centre)
        self.hidden_centre.add_(step)
        self.upper_centre.add_(upper_step)
        self.visible.bias.add_(self.weights @ step)
        self.upper_bias.add_(step @ self.upper_weights)
        self.hidden_bias.add_(self.upper_weights @ upper_step)

    # ---- what was learned

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator, *, steps: int | None = None) -> Tensor:
        """(count, *event_shape). steps: sweeps, of chains that begin where those of training are, at random."""
        chosen = torch.randint(len(self.chains), (count,), generator=generator, device=self.device)
        code, g = self.chains[chosen], self.upper_chains[chosen]
        for _ in range(self.sweeps if steps is None else steps):
            code, g = self.sweep(code, g, generator)
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
        g = bernoulli(self.upper_bias.new_zeros(len(x), len(self.upper_bias)), generator)
        for beta in warming_up(self.sweeps):
            drawn, g = self.sweep(code, g, generator, beta)
            code = torch.where(held, given, drawn)
        return torch.where(mask, x, self.visible.decode(code))

    @torch.no_grad()
    def encode(self, x: Shaped[Tensor, "n *event"]) -> Float[Tensor, "n upper"]:
        """Probabilities of the upper hidden units, by mean field."""
        return self.mean_field(self.visible.encode(x))[1]
