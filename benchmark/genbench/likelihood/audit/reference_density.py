"""Reference densities: simple normalised densities near a model's samples.

A reference is fitted to some of the model's samples, and compared with the model's likelihood on others. The
comparison is valid for every reference; a nearer one reveals smaller errors.

integers       independent marginals; or samples with some of their numbers redrawn from the marginals
real values    a normal distribution; or a kernel at each sample, as wide as the distance to its neighbours
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from genbench.api.data import working_dtype
from genbench.api.spec import DataSpec

# Shares of a copy's numbers that are not redrawn; with 0 they are independent marginals.
_COPIED = (0.0, 0.5, 0.8, 0.95)
_MAX_CENTRES, _MAX_KERNELS, _JUDGED_ON = 64, 512, 64
MAX_COVARIANCE = 160
"""The largest dimension for which covariances are estimated; beyond it, only variances."""
# Kernel widths, relative to the distance to this neighbour.
_WIDTHS = (0.3, 0.6, 1.2)
_NEIGHBOUR = 4
LONGEST_MOVE = 16
"""The length of a move by which an example of real values is drawn anew."""
_NORMAL_SHARE = (
    0.1  # weight of the normal distribution, which covers what lies between and beyond the kernels
)


class Reference(ABC):
    """A density q(x) that is normalised over the data's domain."""

    name: str
    """Its name in reports."""

    def __init__(self, spec: DataSpec) -> None:
        self.spec = spec

    @abstractmethod
    def log_prob(self, x: Tensor) -> Float64[Tensor, " n"]:
        """log q(x): examples in the working type, (N, *event_shape), on the CPU -> (N,) nats."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws from q, (count, *event_shape), in the working type, on the CPU."""

    @abstractmethod
    def moved(self, x: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """Each example after a random move that is reversible under q, so that it leaves draws of q as draws of q.

        length: from 1 to `LONGEST_MOVE`; of integers, the numbers that are redrawn. x: (N, *event_shape).
        """

    def _shaped(self, flat: Tensor) -> Tensor:
        return flat.to(working_dtype(self.spec)).reshape(len(flat), *self.spec.event_shape)


def fit_reference(samples: Tensor, spec: DataSpec) -> Reference:
    """The reference fitted to all samples, of the kind that, fitted to one half of them, makes the other half
    likeliest."""
    here, there = samples[::2], samples[1::2][:_JUDGED_ON]
    if not len(there):
        return _kinds(samples, spec)[0]
    likelihoods = [float(kind.log_prob(there).mean()) for kind in _kinds(here, spec)]
    return _kinds(samples, spec)[likelihoods.index(max(likelihoods))]


def _kinds(samples: Tensor, spec: DataSpec) -> list[Reference]:
    if spec.levels is None:
        white = Whitening(samples)
        return [NormalReference(white, spec), *(KernelReference(samples, white, spec, w) for w in _WIDTHS)]
    marginals = log_marginals(samples, spec.levels)
    centres = samples.flatten(1)[:_MAX_CENTRES]
    return [CopyReference(marginals, centres, spec, copied) for copied in _COPIED]


def log_marginals(samples: Tensor, levels: int) -> Float64[Tensor, "dimension levels"]:
    """Log-frequencies of the values of each dimension, with one more observation spread over all values."""
    flat = samples.flatten(1)
    counts = torch.full((flat.shape[1], levels), 1 / levels, dtype=torch.float64)
    counts.scatter_add_(1, flat.T, torch.ones(flat.T.shape, dtype=torch.float64))
    return counts.log() - math.log(len(flat) + 1)


class CopyReference(Reference):
    """Integers: a random centre, each of whose numbers is redrawn from its marginal with probability 1 - copied.

    copied: 0 makes independent marginals.
    """

    def __init__(
        self,
        marginals: Float64[Tensor, "dimension levels"],
        centres: Int64[Tensor, "m dimension"],
        spec: DataSpec,
        copied: float,
    ) -> None:
        super().__init__(spec)
        self.name = "copies of samples" if copied else "independent marginals"
        self.copied, self.marginals, self.centres = copied, marginals, centres

    def log_prob(self, x: Tensor) -> Float64[Tensor, " n"]:
        if not self.copied:
            return self.marginals.T.gather(0, x.flatten(1)).sum(1)
        return self._log_joint(x.flatten(1)).logsumexp(1) - math.log(len(self.centres))

    def moved(self, x: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """A centre is drawn from its probability given x, and then some numbers given the centre."""
        flat, count = x.flatten(1).clone(), min(length, self.spec.dimension)
        chosen = torch.rand(flat.shape, generator=generator).topk(count, 1).indices  # N, count
        fresh = torch.multinomial(self.marginals[chosen].exp().flatten(0, 1), 1, generator=generator)
        fresh = fresh.reshape(chosen.shape)
        if self.copied:
            centre = torch.multinomial(self._log_joint(flat).softmax(1), 1, generator=generator).squeeze(1)
            keep = torch.rand(fresh.shape, generator=generator) < self.copied
            fresh = torch.where(keep, self.centres[centre].gather(1, chosen), fresh)
        return self._shaped(flat.scatter(1, chosen, fresh))

    def _log_joint(self, flat: Int64[Tensor, "n dimension"]) -> Float64[Tensor, "n m"]:
        """log q(x | centre) of every centre."""
        redrawn = self.marginals.T.gather(0, flat)  # N, D
        # a number that equals the centre's has the probability copied + (1 - copied) r in place of (1 - copied) r
        agreeing = torch.log1p(self.copied / (1 - self.copied) * (-redrawn).exp())  # N, D
        gained = torch.stack([torch.where(flat == c, agreeing, 0.0).sum(1) for c in self.centres], 1)  # N, M
        factor = self.spec.dimension * math.log1p(-self.copied)
        return redrawn.sum(1, keepdim=True) + factor + gained

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        fresh = torch.multinomial(self.marginals.exp(), count, replacement=True, generator=generator).T
        centre = torch.randint(len(self.centres), (count,), generator=generator)
        keep = torch.rand(fresh.shape, generator=generator) < self.copied
        return self._shaped(torch.where(keep, self.centres[centre], fresh))


class Whitening:
    """Coordinates in which some samples have mean 0 and covariance 1; in many dimensions, variances of 1."""

    def __init__(self, samples: Tensor) -> None:
        flat = samples.flatten(1).double()
        self.mean = flat.mean(0)
        self.factor: Tensor | None = None
        self.scales = _scales(flat)  # D
        if flat.shape[1] <= MAX_COVARIANCE:
            self.factor = torch.linalg.cholesky(shrunk_covariance(flat))  # D, D
        diagonal = self.scales if self.factor is None else self.factor.diagonal()
        self.log_volume = float(diagonal.log().sum())
        """log |dx / dwhite|."""

    def white(self, x: Tensor) -> Float64[Tensor, "n d"]:
        """Whitened coordinates of examples, (N, *event_shape) -> (N, D)."""
        centred: Tensor = x.flatten(1).double() - self.mean
        if self.factor is None:
            return centred / self.scales
        whitened: Tensor = torch.linalg.solve_triangular(self.factor, centred.T, upper=False).T
        return whitened

    def coloured(self, white: Float64[Tensor, "n d"]) -> Float64[Tensor, "n d"]:
        """Flat examples of whitened coordinates."""
        coloured: Tensor = white * self.scales if self.factor is None else white @ self.factor.T
        return self.mean + coloured


class NormalReference(Reference):
    """A normal distribution with the samples' mean and covariance."""

    name = "a normal distribution"

    def __init__(self, whitening: Whitening, spec: DataSpec) -> None:
        super().__init__(spec)
        self.whitening = whitening

    def log_prob(self, x: Tensor) -> Float64[Tensor, " n"]:
        return _log_standard_normal(self.whitening.white(x)) - self.whitening.log_volume

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self._shaped(self.whitening.coloured(_noise((count, self.spec.dimension), generator)))

    def moved(self, x: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """Towards the mean, with noise in exchange."""
        white, share = self.whitening.white(x), length / LONGEST_MOVE
        noise = _noise((len(x), self.spec.dimension), generator)
        return self._shaped(self.whitening.coloured(math.sqrt(1 - share**2) * white + share * noise))


class KernelReference(Reference):
    """A normal kernel at each sample, whose width is `width` times the distance to its fourth neighbour; and, with a
    weight of a tenth, the normal distribution of all samples."""

    name = "kernels at samples"

    def __init__(self, samples: Tensor, whitening: Whitening, spec: DataSpec, width: float) -> None:
        super().__init__(spec)
        self.whitening = whitening
        self.centres = whitening.white(samples[:_MAX_KERNELS])  # M, D
        distance = _distances(self.centres, self.centres)
        nearest = distance.sort(1).values[:, min(_NEIGHBOUR, len(self.centres) - 1)]
        floor = max(1e-3 * float(nearest.median()), 1e-6)  # where samples coincide
        self.scales = (width * nearest / math.sqrt(spec.dimension)).clamp(min=floor)  # M

    def log_prob(self, x: Tensor) -> Float64[Tensor, " n"]:
        return self._log_joint(self.whitening.white(x)).logsumexp(1) - self.whitening.log_volume

    def moved(self, x: Tensor, length: int, generator: torch.Generator) -> Tensor:
        """A kernel, or the normal distribution, is drawn from its probability given x; then x moves towards its centre,
        with noise of its width in exchange."""
        white, share = self.whitening.white(x), length / LONGEST_MOVE
        part = torch.multinomial(self._log_joint(white).softmax(1), 1, generator=generator).squeeze(1)
        # the normal distribution comes last
        centres = torch.cat([self.centres, torch.zeros(1, self.spec.dimension)])[part]
        scales = torch.cat([self.scales, torch.ones(1)])[part].unsqueeze(1)
        noise = _noise((len(x), self.spec.dimension), generator)
        moved = centres + math.sqrt(1 - share**2) * (white - centres) + share * scales * noise
        return self._shaped(self.whitening.coloured(moved))

    def _log_joint(self, white: Float64[Tensor, "n d"]) -> Float64[Tensor, "n parts"]:
        """Log-density of whitened examples with each kernel, and with the normal distribution, in white coordinates."""
        squares = _distances(white, self.centres).square() / self.scales.square()  # N, M
        constant = white.shape[1] * (self.scales.log() + 0.5 * math.log(2 * math.pi))  # M
        kernels = -0.5 * squares - constant + math.log1p(-_NORMAL_SHARE) - math.log(len(self.centres))
        broad = _log_standard_normal(white) + math.log(_NORMAL_SHARE)
        return torch.cat([kernels, broad.unsqueeze(1)], 1)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        centre = torch.randint(len(self.centres), (count,), generator=generator)
        noise = _noise((count, self.spec.dimension), generator)
        local = self.centres[centre] + self.scales[centre].unsqueeze(1) * noise
        broad = torch.rand(count, 1, generator=generator) < _NORMAL_SHARE
        return self._shaped(self.whitening.coloured(torch.where(broad, noise, local)))


def shrunk_covariance(x: Float64[Tensor, "n d"]) -> Float64[Tensor, "d d"]:
    """The samples' covariance, shrunk towards its diagonal, so that it is never singular.

    The weight is that of the oracle approximating shrinkage of the correlations (Chen et al. 2010, eq. 23).
    """
    n, d = x.shape
    centred = x - x.mean(0)
    scale = _scales(x)
    unit = centred / scale
    correlation = unit.T @ unit / n
    square, trace = float(correlation.square().sum()), float(correlation.diagonal().sum())
    numerator = (1 - 2 / d) * square + trace**2
    denominator = (n + 1 - 2 / d) * (square - trace**2 / d)
    weight = min(1.0, numerator / denominator) if denominator > 0 else 1.0
    shrunk = (1 - weight) * correlation + weight * torch.eye(d, dtype=x.dtype)
    shrunk.diagonal().clamp_(min=1.0)  # the variance of a constant dimension is 0
    return shrunk * scale.unsqueeze(1) * scale + torch.diag(1e-9 * scale.square())


def _scales(x: Float64[Tensor, "n d"]) -> Float64[Tensor, " d"]:
    """Standard deviations; for a constant dimension, the smallest difference in float32."""
    return x.std(0, correction=0).clamp(min=1e-6 * (1 + x.abs().amax(0)))


def _noise(shape: tuple[int, int], generator: torch.Generator) -> Float64[Tensor, "n d"]:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _log_standard_normal(white: Float64[Tensor, "n d"]) -> Float64[Tensor, " n"]:
    return -0.5 * (white.square().sum(1) + white.shape[1] * math.log(2 * math.pi))


def _distances(x: Float64[Tensor, "n d"], y: Float64[Tensor, "m d"]) -> Float64[Tensor, "n m"]:
    # computing them by a matrix product would lose small distances
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
