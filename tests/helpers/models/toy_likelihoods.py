"""Small models whose likelihood is known in closed form, each with handles that make it wrong. Nothing is fitted.

temperature: of the sampler. excess: added to every log-likelihood. scale: multiplies it, as a mean over dimensions
in place of a sum does. other: how far the likelihood's parameters are from the sampler's (another checkpoint).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split


class Toy(GenerativeModel):
    def fit(self, train: Split, meter: ComputeMeter) -> None:
        raise NotImplementedError


class Chain(Toy):
    """A Markov chain over integers, with transitions of its own at each place."""

    def __init__(
        self,
        seed: int = 0,
        *,
        length: int = 64,
        levels: int = 2,
        temperature: float = 1.0,
        excess: float = 0.0,
        scale: float = 1.0,
        other: float = 0.0,
    ) -> None:
        super().__init__(DataSpec(name="chain", modality="points", event_shape=(length,), levels=levels))
        generator = torch.Generator().manual_seed(seed)
        # place, value before, value
        self.sampled = 1.5 * torch.randn(length, levels, levels, generator=generator)
        self.claimed = self.sampled + other * torch.randn(self.sampled.shape, generator=generator)
        self.temperature, self.excess, self.scale = temperature, excess, scale

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        before = torch.zeros(count, dtype=torch.int64)
        values = []
        for logits in self.sampled:
            probabilities = (logits / self.temperature).softmax(1)[before]
            before = torch.multinomial(probabilities, 1, generator=generator).squeeze(1)
            values.append(before)
        return torch.stack(values, 1)

    def log_prob(self, x: Tensor) -> Tensor:
        before = torch.cat([torch.zeros(len(x), 1, dtype=torch.int64), x[:, :-1]], 1)
        places = torch.arange(x.shape[1])
        log_prob = self.claimed.log_softmax(2)[places, before, x].sum(1)
        return self.scale * log_prob + self.excess


class Autoregression(Toy):
    """A stationary AR(1) in units of forty about sixty; a real series. jacobian: the change of variables."""

    def __init__(
        self,
        *,
        length: int = 24,
        phi: float = 0.95,
        claimed_phi: float | None = None,
        temperature: float = 1.0,
        scale: float = 1.0,
        jacobian: bool = True,
        excess: float = 0.0,
    ) -> None:
        super().__init__(DataSpec(name="series", modality="series", event_shape=(length, 1)))
        self.phi, self.temperature = phi, temperature
        self.claimed_phi = phi if claimed_phi is None else claimed_phi
        self.scale, self.jacobian, self.excess = scale, jacobian, excess

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        noise = self.temperature * torch.randn(count, *self.spec.event_shape[:1], generator=generator)
        values = [noise[:, 0]]
        for each in noise.T[1:]:
            values.append(self.phi * values[-1] + math.sqrt(1 - self.phi**2) * each)
        return (40 * torch.stack(values, 1) + 60).unsqueeze(2)

    def log_prob(self, x: Tensor) -> Tensor:
        y = (x.squeeze(2) - 60) / 40
        innovation = torch.distributions.Normal(0.0, math.sqrt(1 - self.claimed_phi**2))
        log_prob = torch.distributions.Normal(0.0, 1.0).log_prob(y[:, 0])
        log_prob = log_prob + innovation.log_prob(y[:, 1:] - self.claimed_phi * y[:, :-1]).sum(1)
        if self.jacobian:
            log_prob = log_prob - y.shape[1] * math.log(40)
        return self.scale * log_prob + self.excess


class Ring(Toy):
    """Eight narrow normals on a circle. weights: how often the sampler takes each; the likelihood says evenly."""

    def __init__(
        self,
        *,
        width: float = 0.01,
        temperature: float = 1.0,
        excess: float = 0.0,
        weights: tuple[float, ...] = (1.0,) * 8,
    ) -> None:
        super().__init__(DataSpec(name="ring", modality="points", event_shape=(2,)))
        angle = torch.arange(8) * math.pi / 4
        self.centres = torch.stack([angle.cos(), angle.sin()], 1)
        self.width, self.temperature, self.excess = width, temperature, excess
        self.weights = torch.tensor(weights, dtype=torch.float32)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        mode = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        noise = torch.randn(count, 2, generator=generator)
        return self.centres[mode] + self.temperature * self.width * noise

    def log_prob(self, x: Tensor) -> Tensor:
        squares = (x.unsqueeze(1) - self.centres).square().sum(2) / self.width**2  # N, 8
        constant = math.log(8) + math.log(2 * math.pi) + 2 * math.log(self.width)
        return (-0.5 * squares).logsumexp(1) - constant + self.excess


class Dequantised(Toy):
    """Integers under independent normals of known width, each over its bin; or the density times the width of
    the levels, as if values were still in [0, 1]: the term that dequantisation owes is missing."""

    def __init__(self, *, length: int = 16, levels: int = 256, term: bool = True) -> None:
        super().__init__(DataSpec(name="bins", modality="image", event_shape=(1, 1, length), levels=levels))
        self.levels, self.term = levels, term
        self.normal = torch.distributions.Normal(torch.tensor(levels / 2), torch.tensor(levels / 12))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, *self.spec.event_shape, generator=generator)
        return (self.normal.loc + self.normal.scale * noise).round().clamp(0, self.levels - 1).long()

    def log_prob(self, x: Tensor) -> Tensor:
        mass = self.normal.cdf(x + 0.5) - self.normal.cdf(x - 0.5)
        log_mass = mass.clamp(min=1e-30).log().flatten(1).sum(1)
        return log_mass if self.term else log_mass + self.spec.dimension * math.log(self.levels)


class LinearGaussian(Toy):
    """x = W z + noise; the proposal is the posterior, widened. excess: on every weight. at_one: on those of
    k = 1 alone."""

    def __init__(
        self, seed: int = 0, *, excess: float = 0.0, at_one: float = 0.0, widened: float = 1.2
    ) -> None:
        super().__init__(DataSpec(name="linear", modality="points", event_shape=(6,)))
        self.w = torch.randn(6, 2, generator=torch.Generator().manual_seed(seed))
        self.noise = 0.5
        covariance = torch.linalg.inv(torch.eye(2) + self.w.T @ self.w / self.noise**2)
        self.regression = covariance @ self.w.T / self.noise**2
        self.factor = widened * torch.linalg.cholesky(covariance)
        self.excess, self.at_one = excess, at_one

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(count, 2, generator=generator)
        return z @ self.w.T + self.noise * torch.randn(count, 6, generator=generator)

    def log_marginal(self, x: Tensor) -> Tensor:
        """In closed form."""
        covariance = self.w @ self.w.T + self.noise**2 * torch.eye(6)
        return torch.distributions.MultivariateNormal(torch.zeros(6), covariance).log_prob(x)

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        mean = (x @ self.regression.T).unsqueeze(1)
        z = mean + torch.randn(len(x), k, 2) @ self.factor.T
        proposal = torch.distributions.MultivariateNormal(mean, scale_tril=self.factor)
        log_joint = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(2)
        decoded = torch.distributions.Normal(z @ self.w.T, self.noise)
        log_joint = log_joint + decoded.log_prob(x.unsqueeze(1)).sum(2)
        return log_joint - proposal.log_prob(z) + self.excess + (self.at_one if k == 1 else 0.0)


class Spread(Toy):
    """Integers from independent normals, rounded down; the density of the normals before that. term: of a model that
    thinks in [0, 1], the change of variables."""

    def __init__(
        self,
        *,
        length: int = 16,
        levels: int = 32,
        term: bool = True,
        excess: float = 0.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__(DataSpec(name="bins", modality="image", event_shape=(1, 1, length), levels=levels))
        self.levels, self.term, self.excess, self.temperature = levels, term, excess, temperature
        self.normal = torch.distributions.Normal(0.5, 0.1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        noise = torch.randn(count, *self.spec.event_shape, generator=generator)
        y = self.normal.mean + self.temperature * self.normal.stddev * noise
        return (self.levels * y).floor().clamp(0, self.levels - 1).long()

    def log_density(self, x: Tensor) -> Tensor:
        log_density = self.normal.log_prob(x / self.levels).flatten(1).sum(1) + self.excess
        return log_density - self.spec.dimension * math.log(self.levels) if self.term else log_density


class NoisyBound(Chain):
    """An elbo in place of the chain's log_prob: short of it by one nat, with noise. excess: on top of that."""

    log_prob = None  # type: ignore[assignment]

    def __init__(self, seed: int = 0, *, noise: float = 1.0, excess: float = 0.0, length: int = 12) -> None:
        super().__init__(seed, length=length, levels=3, excess=excess - 1.0)
        self.noise = noise

    def elbo(self, x: Tensor) -> Tensor:
        return Chain.log_prob(self, x) + self.noise * torch.randn(len(x))
