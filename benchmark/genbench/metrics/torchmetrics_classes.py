"""The metrics as torchmetrics classes: for training loops of your own, in batches and across processes.

    metric = FrechetDistance(dimension=64)
    metric.update(features_of_real, real=True)
    metric.update(features_of_samples, real=False)
    metric.compute()

As in torchmetrics' own classes, `update` takes a batch of features (B, D), as a torch tensor or numpy array, and the
side that they belong to. `compute` returns what the metric's function returns for all features at once. Workers do not
import this module: importing torchmetrics takes seconds.

To add a metric of two sets of features, write a class with its settings and `of`, and add its name to `__all__` here
and in `genbench.metrics`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from genbench.metrics.conditional.class_balance import class_balance, class_entropies
from genbench.metrics.divergences import TRUTH_DRAWS, js_divergence, kl_divergence
from genbench.metrics.frechet import GaussianStatistics, frechet_distance_from_statistics
from genbench.metrics.frechet_infinity import frechet_infinity
from genbench.metrics.kernel import kernel_distance
from genbench.metrics.neighbours import NEIGHBOURS, PrecisionRecall, precision_recall_density_coverage
from genbench.metrics.numerics.feature_arrays import Estimate, FeatureArray, as_features
from genbench.metrics.numerics.running_moments import Moments, merged, moments_of, no_examples, unpacked
from genbench.metrics.series import autocorrelation_difference_with_error, marginal_difference_with_error
from genbench.metrics.sliced_wasserstein import PROJECTIONS, sliced_wasserstein_with_error
from genbench.metrics.truth import assign_to_modes, high_quality_share, modes_covered, modes_covered_stderr
from genbench.metrics.two_sample import classifier_accuracy, nearest_neighbour_accuracy
from genbench.metrics.vendi import vendi_score, vendi_score_gaussian
from genbench.metrics.wasserstein import wasserstein_distance

__all__ = [
    "AutocorrelationDifference",
    "ClassBalance",
    "ClassifierTwoSample",
    "FrechetDistance",
    "FrechetInfinity",
    "JSDivergence",
    "KLDivergence",
    "KernelDistance",
    "MarginalDifference",
    "ModeCoverage",
    "NeighbourTwoSample",
    "PrecisionRecallDensityCoverage",
    "SlicedWasserstein",
    "VendiScore",
    "WassersteinDistance",
]


class FrechetDistance(Metric):
    """Squared Fréchet distance. It stores only moments, (D + 1, D + 1) float64 per side, so that memory does not grow
    with N.

    dimension: D, of the features.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    real: Tensor
    fake: Tensor

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension
        for side in ("real", "fake"):
            self.add_state(side, no_examples(dimension), dist_reduce_fx=merged)

    def update(self, features: FeatureArray, real: bool) -> None:
        """Add a batch of features (B, D)."""
        side, batch = "real" if real else "fake", as_features(features, "FrechetDistance: the batch")
        if batch.shape[1] != self.dimension:
            raise ValueError(
                f"FrechetDistance: features of width {batch.shape[1]}, expected {self.dimension}"
            )
        setattr(self, side, merged(torch.stack([getattr(self, side), moments_of(batch)])))

    def compute(self) -> Tensor:
        """0-dimensional float64."""
        fake, real = (_statistics(unpacked(side)) for side in (self.fake, self.real))
        return frechet_distance_from_statistics(fake, real)


def _statistics(moments: Moments) -> GaussianStatistics:
    if moments.count < 2:
        raise ValueError(f"the covariance of {moments.count} examples: needs at least 2")
    return GaussianStatistics(moments.mean, moments.scatter / (moments.count - 1))


class TwoSetMetric(Metric):
    """Stores the features of both sides, which torchmetrics gathers from all processes. `compute` returns `of` of
    them."""

    is_differentiable = False
    full_state_update = False
    higher_is_better: bool | None = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, features: FeatureArray, real: bool) -> None:
        """Add a batch of features (B, D). Raises ValueError where their width is not that of earlier batches."""
        batch = self.checked(features)
        for first in (self.real[:1], self.fake[:1]):
            if first and first[0].shape[1:] != batch.shape[1:]:
                raise ValueError(
                    f"{type(self).__name__}: features of unequal width,"
                    f" {tuple(batch.shape[1:])} after {tuple(first[0].shape[1:])}"
                )
        (self.real if real else self.fake).append(batch)

    def checked(self, features: FeatureArray) -> Tensor:
        """The batch as a tensor. Raises ValueError where it is not finite features."""
        return as_features(features, f"{type(self).__name__}: the batch")

    def compute(self) -> Any:
        """0-dimensional float64: a value and its standard error, or several by name."""
        for side, batches in (("real", self.real), ("fake", self.fake)):
            if len(batches) == 0:
                raise ValueError(f"{type(self).__name__}: no features with real={side == 'real'} so far")
        return self.of(dim_zero_cat(self.fake), dim_zero_cat(self.real))

    @abstractmethod
    def of(self, fake: Tensor, real: Tensor) -> Any:
        """The metric of all features of samples (N, D) and of real data (M, D)."""

    def generator(self, seed: int) -> torch.Generator:
        """A new generator with that seed."""
        return torch.Generator().manual_seed(seed)


class ClassBalance(TwoSetMetric):
    """Class balance of both sides, and the entropies of the samples. `update` takes logits (B, K).

    seed: of the bootstrap.
    """

    higher_is_better = None

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def of(self, fake: Tensor, real: Tensor) -> dict[str, Estimate]:
        return {
            "class_balance": class_balance(fake, real, self.generator(self.seed)),
            **vars(class_entropies(fake)),
        }


class FrechetInfinity(TwoSetMetric):
    """Squared Fréchet distance at infinite N.

    seed: of the halvings. halvings: their number; None takes a default.
    """

    def __init__(self, seed: int = 0, halvings: int | None = None) -> None:
        super().__init__()
        self.seed, self.halvings = seed, halvings

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return frechet_infinity(fake, real, self.generator(self.seed), self.halvings)


class KernelDistance(TwoSetMetric):
    """Unbiased squared MMD under the cubic kernel."""

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return kernel_distance(fake, real)


class PrecisionRecallDensityCoverage(TwoSetMetric):
    """Precision, recall, density and coverage by name, with standard errors: "precision_stderr" and so on.

    k: the neighbour that balls reach to.
    """

    higher_is_better = True

    def __init__(self, k: int = NEIGHBOURS) -> None:
        super().__init__()
        self.k = k

    def of(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        found: PrecisionRecall = precision_recall_density_coverage(fake, real, self.k)
        return dict(vars(found))


class SlicedWasserstein(TwoSetMetric):
    """Sliced 2-Wasserstein distance.

    projections: the number of random directions. seed: of the directions.
    """

    def __init__(self, projections: int = PROJECTIONS, seed: int = 0) -> None:
        super().__init__()
        self.projections, self.seed = projections, seed

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return sliced_wasserstein_with_error(fake, real, self.generator(self.seed), self.projections)


class WassersteinDistance(TwoSetMetric):
    """Exact Wasserstein distance, from at most 2,000 examples per side.

    power: of the Euclidean distance.
    """

    def __init__(self, power: int = 1) -> None:
        super().__init__()
        self.power = power

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return wasserstein_distance(fake, real, self.power)


class NeighbourTwoSample(TwoSetMetric):
    """Leave-one-out accuracy of the nearest neighbour at telling samples from real data; 1/2 is best."""

    higher_is_better = None

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return nearest_neighbour_accuracy(fake, real)


class ClassifierTwoSample(TwoSetMetric):
    """Cross-validated accuracy of a small network at telling samples from real data; 1/2 is best.

    seed: of its first layer and of the folds.
    """

    higher_is_better = None

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return classifier_accuracy(fake, real, self.generator(self.seed))


class VendiScore(TwoSetMetric):
    """Vendi scores of both sides and their ratio: "fake", "real", "ratio", and "fake_stderr", "real_stderr".

    bandwidth: of a Gaussian kernel; None takes the cosine kernel.
    """

    higher_is_better = None

    def __init__(self, bandwidth: float | None = None) -> None:
        super().__init__()
        self.bandwidth = bandwidth

    def of(self, fake: Tensor, real: Tensor) -> dict[str, Tensor]:
        ours, theirs = (
            vendi_score(side) if self.bandwidth is None else vendi_score_gaussian(side, self.bandwidth)
            for side in (fake, real)
        )
        return {
            "fake": ours.value,
            "fake_stderr": ours.stderr,
            "real": theirs.value,
            "real_stderr": theirs.stderr,
            "ratio": ours.value / theirs.value,
        }


# ---- series: batches are (B, time, channels)


class _TwoSetsOfSeries(TwoSetMetric):
    def checked(self, features: FeatureArray) -> Tensor:
        batch = torch.as_tensor(features)
        if batch.ndim != 3:
            raise ValueError(
                f"{type(self).__name__}: the batch has shape {tuple(batch.shape)}, expected (series, time, channels)"
            )
        return as_features(batch.flatten(1), f"{type(self).__name__}: the batch").view(batch.shape)


class AutocorrelationDifference(_TwoSetsOfSeries):
    """Mean absolute difference of the autocorrelation functions."""

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return autocorrelation_difference_with_error(fake, real)


class MarginalDifference(_TwoSetsOfSeries):
    """1-Wasserstein distance between marginals, in standard deviations of the real series."""

    def of(self, fake: Tensor, real: Tensor) -> Estimate:
        return marginal_difference_with_error(fake, real, real.double().std((0, 1), correction=0))


# ---- samples against a known density


class _OneSetMetric(Metric):
    """Stores the samples, which torchmetrics gathers from all processes. `compute` returns `of` of them."""

    is_differentiable = False
    full_state_update = False
    higher_is_better: bool | None = False
    samples: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("samples", [], dist_reduce_fx="cat")

    def update(self, samples: FeatureArray) -> None:
        """Add a batch of samples (B, D)."""
        self.samples.append(as_features(samples, f"{type(self).__name__}: the batch"))

    def compute(self) -> Any:
        """0-dimensional float64: a value and its standard error, or several by name."""
        if len(self.samples) == 0:
            raise ValueError(f"{type(self).__name__}: no samples so far")
        return self.of(dim_zero_cat(self.samples))

    @abstractmethod
    def of(self, samples: Tensor) -> Any:
        """The metric of all samples (N, D)."""


class ModeCoverage(_OneSetMetric):
    """The metrics "modes_covered" and "high_quality_share", with "..._stderr".

    modes: centres, (M, D). mode_scale: the standard deviation of a mode.
    """

    higher_is_better = True

    def __init__(self, modes: Shaped[Tensor, "modes dim"], mode_scale: float) -> None:
        super().__init__()
        self.modes, self.mode_scale = modes, mode_scale

    def of(self, samples: Tensor) -> dict[str, Tensor]:
        assignment = assign_to_modes(samples, self.modes.to(samples.device), self.mode_scale)
        share = high_quality_share(assignment)
        found = {
            "modes_covered": float(modes_covered(assignment)),
            "modes_covered_stderr": modes_covered_stderr(assignment),
            "high_quality_share": share,
            "high_quality_share_stderr": (share * (1 - share) / len(samples)) ** 0.5,
        }
        return {name: torch.tensor(value, dtype=torch.float64) for name, value in found.items()}


class KLDivergence(_OneSetMetric):
    """KL(samples || truth).

    log_prob: log-density of the truth, (N, D) -> (N,). k: the neighbour whose distance is used.
    """

    def __init__(self, log_prob: Callable[[Tensor], Tensor], k: int = NEIGHBOURS) -> None:
        super().__init__()
        self.log_prob, self.k = log_prob, k

    def of(self, samples: Tensor) -> Estimate:
        return kl_divergence(samples, self.log_prob(samples), self.k)


class JSDivergence(_OneSetMetric):
    """Jensen-Shannon divergence from the truth.

    sample: draws from the truth, (count, generator) -> (count, D). seed: of the draws.
    """

    def __init__(self, sample: Callable[[int, torch.Generator], Tensor], seed: int = 0) -> None:
        super().__init__()
        self.sample, self.seed = sample, seed

    def of(self, samples: Tensor) -> Estimate:
        draws = self.sample(TRUTH_DRAWS, torch.Generator().manual_seed(self.seed))
        return js_divergence(samples, draws.to(samples.device))
