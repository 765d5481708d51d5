"""Gaussian mixture, fitted by expectation maximisation.

Dempster, Laird & Rubin 1977, "Maximum Likelihood from Incomplete Data via the EM Algorithm",
https://www.jstor.org/stable/2984875; started by k-means++ (Arthur & Vassilvitskii 2007).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float64, Int64, Shaped
from torch import Tensor

from genbench import ComputeMeter, DataSpec, GenerativeModel, Split
from genbench.api import discretised_gaussian_log_prob, discretised_gaussian_sample
from genbench_models.layers.data_buffers import DataBuffers
from genbench_models.layers.ranges import at_least
from genbench_models.layers.standardise import Standardise

# There may be fewer than `components` components: each needs this many examples for each dimension of its covariance.
_EXAMPLES_PER_DIMENSION = 2
_EXAMPLES_PER_DIAGONAL = 10
# EM has converged when an iteration gains less than this, in nats per example.
_CONVERGED_NATS = 1e-4
_INITIAL_SUBSET = 4096
_MAX_CHUNK_NUMBERS = 2**22  # held at once by the E-step
_RIDGE = 1e-6  # on covariances, in standardised units


class GaussianMixture(DataBuffers, GenerativeModel):
    """p(x) = sum_k w_k N(x; m_k, S_k), in float64.

    Real data: full covariances. Data with levels (images): diagonal ones, fitted to the integers as if they
    were real; the likelihood is then that of the integers, each dimension's normal discretised over the
    levels and mixed with a share `smoothing` of the uniform distribution, without which one pixel that was
    constant in training decides everything. Standard deviations are at least `min_scale` levels.
    """

    sized_by_data = ("log_shares", "means", "factors")
    log_shares: Tensor
    means: Tensor
    factors: Tensor

    def __init__(
        self, spec: DataSpec, *, components: int = 32, smoothing: float = 1e-2, min_scale: float = 0.3
    ) -> None:
        super().__init__(spec)
        at_least(1, components=components)
        self.components = components
        self.smoothing = smoothing
        self.min_scale = min_scale
        self.full = spec.levels is None
        self.standardise = Standardise(spec)
        size = spec.dimension
        spread = torch.eye(size, dtype=torch.float64) if self.full else torch.ones(size, dtype=torch.float64)
        self.register_buffer("log_shares", torch.zeros(1, dtype=torch.float64))
        self.register_buffer("means", torch.zeros(1, size, dtype=torch.float64))
        # full: lower Cholesky factors (K, D, D); diagonal: standard deviations (K, D)
        self.register_buffer("factors", spread.unsqueeze(0).clone())

    # ---- fit

    def fit(self, train: Split, meter: ComputeMeter) -> None:
        meter.start()
        self.standardise.fit(train)
        before = -math.inf
        for batch in meter.batches(train, len(train)):
            x = self._standardised(batch.x)
            if before == -math.inf:
                self.maximise(x, self._first_guess(x))
            responsibilities, log_likelihood = self.expect(x)
            meter.log(negative_log_likelihood=-log_likelihood)
            if log_likelihood - before < _CONVERGED_NATS:
                return
            before = log_likelihood
            self.maximise(x, responsibilities)

    def expect(self, x: Float64[Tensor, "n d"]) -> tuple[Float64[Tensor, "n k"], float]:
        """Responsibilities, and the mean log-likelihood in nats, of standardised data."""
        joint = torch.cat([self._log_joint(some) for some in self._chunks(x)])  # N, K
        evidence = joint.logsumexp(1, keepdim=True)
        return (joint - evidence).exp(), evidence.mean().item()

    def maximise(self, x: Float64[Tensor, "n d"], responsibilities: Float64[Tensor, "n k"]) -> None:
        """Weights, means and covariances of the examples that each component is responsible for."""
        counts = responsibilities.sum(0).clamp(min=1e-10)  # K
        self.log_shares = (counts / counts.sum()).log()
        self.means = responsibilities.T @ x / counts.unsqueeze(1)  # K, D
        if self.full:
            self.factors = torch.stack(
                [self._factor(x, responsibilities[:, k], counts[k], k) for k in range(len(counts))]
            )
        else:
            second = responsibilities.T @ x.square() / counts.unsqueeze(1)
            variance = (second - self.means.square()).clamp(min=0)
            self.factors = variance.sqrt().clamp(min=self._smallest_scale)

    def _factor(
        self, x: Float64[Tensor, "n d"], weight: Float64[Tensor, " n"], count: Float64[Tensor, ""], k: int
    ) -> Float64[Tensor, "d d"]:
        centred = x - self.means[k]
        covariance = (centred * weight.unsqueeze(1)).T @ centred / count
        ridge = _RIDGE * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        factor: Tensor = torch.linalg.cholesky(covariance + ridge)
        return factor

    def _first_guess(self, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n k"]:
        """Assign each example to its nearest centre; centres are chosen far apart, by k-means++."""
        needed = _EXAMPLES_PER_DIMENSION * x.shape[1] if self.full else _EXAMPLES_PER_DIAGONAL
        count = max(1, min(self.components, len(x) // needed))
        subset = x[:_INITIAL_SUBSET]  # batches are shuffled
        centres = [subset[0]]
        nearest = (subset - centres[0]).square().sum(1)
        for _ in range(count - 1):
            # 1e-12: all examples may lie at a centre already, and then any will do
            chosen = int(torch.multinomial(nearest + 1e-12, 1))
            centres.append(subset[chosen])
            nearest = torch.minimum(nearest, (subset - centres[-1]).square().sum(1))
        owner = torch.cdist(x, torch.stack(centres)).argmin(1)
        return torch.nn.functional.one_hot(owner, count).to(x.dtype)

    @property
    def _smallest_scale(self) -> float:
        return self.min_scale / self.standardise.scale.double().mean().item()

    def _standardised(self, x: Shaped[Tensor, "n *event"]) -> Float64[Tensor, "n d"]:
        return ((x.double() - self.standardise.mean) / self.standardise.scale).flatten(1)

    def _chunks(self, x: Float64[Tensor, "n d"]) -> Iterator[Tensor]:
        pieces: tuple[Tensor, ...] = x.split(max(1, _MAX_CHUNK_NUMBERS // (x.shape[1] * len(self.means))))
        return iter(pieces)

    def _log_joint(self, x: Float64[Tensor, "n d"]) -> Float64[Tensor, "n k"]:
        """log w_k + log N(x; m_k, S_k) of standardised data."""
        if self.full:
            centred = (x.unsqueeze(0) - self.means.unsqueeze(1)).mT  # K, D, N
            whitened = torch.linalg.solve_triangular(self.factors, centred, upper=False)
            distance = whitened.square().sum(1).T  # N, K
            log_det = self.factors.diagonal(dim1=1, dim2=2).log().sum(1)  # K
        else:
            precision = self.factors.square().reciprocal()  # K, D
            distance = (
                x.square() @ precision.T
                - 2 * x @ (self.means * precision).T
                + (self.means.square() * precision).sum(1)
            )
            log_det = self.factors.log().sum(1)
        constant = 0.5 * x.shape[1] * math.log(2 * math.pi)
        joint: Tensor = self.log_shares - 0.5 * distance - log_det - constant
        return joint

    # ---- what was learned

    @torch.no_grad()
    def log_prob(self, x: Shaped[Tensor, "n *event"]) -> Float64[Tensor, " n"]:
        """(N, *event_shape) -> (N,) nats, exact: a density, or the probability of the integers."""
        if self.full:
            flat = self._standardised(x)
            joint = torch.cat([self._log_joint(some) for some in self._chunks(flat)])
            return joint.logsumexp(1) + self.standardise.log_abs_det_jacobian()
        flat = x.flatten(1)
        joint = torch.stack([self._log_mass(k, flat) for k in range(len(self.means))], 1)  # N, K
        return (self.log_shares + joint).logsumexp(1)

    def _log_mass(self, k: int, x: Int64[Tensor, "n d"]) -> Float64[Tensor, " n"]:
        """The log-probability of integers under component k; by a table of all levels where x has more rows than
        there are levels."""
        levels = self.spec.levels
        assert levels is not None
        table = torch.arange(levels, device=x.device).unsqueeze(1).expand(-1, x.shape[1])  # L, D
        values = table if len(x) > levels else x
        mean, log_scale = (part.expand(len(values), -1) for part in self._on_data_scale(torch.tensor([k])))
        normal = discretised_gaussian_log_prob(values, mean, log_scale, levels)
        mass = torch.logaddexp(
            normal + math.log1p(-self.smoothing), torch.full_like(normal, math.log(self.smoothing / levels))
        )
        return (mass.gather(0, x) if values is table else mass).sum(1)

    def _on_data_scale(
        self, component: Int64[Tensor, " n"]
    ) -> tuple[Float64[Tensor, "n d"], Float64[Tensor, "n d"]]:
        """Mean and log standard deviation of diagonal components, in levels."""
        shape = (-1, *self.spec.event_shape)
        mean = self.means[component].reshape(shape) * self.standardise.scale + self.standardise.mean
        log_scale = (self.factors[component].reshape(shape) * self.standardise.scale).log()
        return mean.flatten(1), log_scale.flatten(1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *event_shape) in the data's domain."""
        weights = self.log_shares.exp()
        component = torch.multinomial(weights, count, replacement=True, generator=generator)  # count
        if self.full:
            noise = torch.randn(
                count, self.means.shape[1], generator=generator, device=self.device, dtype=torch.float64
            )
            y = torch.empty_like(noise)
            for k in component.unique().tolist():
                mine = component == k
                y[mine] = self.means[k] + noise[mine] @ self.factors[k].T
            return self.standardise.inverse(y.reshape(count, *self.spec.event_shape)).float()
        assert self.spec.levels is not None
        mean, log_scale = self._on_data_scale(component)
        drawn = discretised_gaussian_sample(mean, log_scale, self.spec.levels, generator)
        uniform = torch.randint(self.spec.levels, drawn.shape, generator=generator, device=self.device)
        share = torch.rand(drawn.shape, generator=generator, device=self.device)
        return torch.where(share < self.smoothing, uniform, drawn).reshape(count, *self.spec.event_shape)
