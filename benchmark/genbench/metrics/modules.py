"""The metrics as torchmetrics classes: for training loops of your own, in batches and across processes.

    metric = FrechetDistance(dimension=64)
    metric.update(features_of_real, real=True)
    metric.update(features_of_samples, real=False)
    metric.compute()

As in torchmetrics' own, `update` takes features (B, D) and which side they belong to. Each class gives what
the function of its file gives on all features at once. Keep this module out of workers: importing
torchmetrics takes seconds.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from genbench.metrics.frechet import frechet_distance_from_statistics, gaussian_statistics_from_sums
from genbench.metrics.kernel import kernel_distance
from genbench.metrics.neighbours import NEIGHBOURS, precision_recall_density_coverage
from genbench.metrics.sliced_wasserstein import PROJECTIONS, sliced_wasserstein

__all__ = ["FrechetDistance", "KernelDistance", "PrecisionRecallDensityCoverage", "SlicedWasserstein"]


class FrechetDistance(Metric):
    """Squared Fréchet distance. Keeps only sums, (D, D) float64 a side: memory does not grow with N.

    dimension: D, of the features.
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    def __init__(self, dimension: int) -> None:
        super().__init__()
        for side in ("real", "fake"):
            self.add_state(f"{side}_count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
            self.add_state(f"{side}_sum", torch.zeros(dimension, dtype=torch.float64), dist_reduce_fx="sum")
            self.add_state(
                f"{side}_products",
                torch.zeros(dimension, dimension, dtype=torch.float64),
                dist_reduce_fx="sum",
            )

    def update(self, features: Float[Tensor, "batch dim"], real: bool) -> None:
        side, wide = "real" if real else "fake", features.double()
        getattr(self, f"{side}_count").add_(len(wide))
        getattr(self, f"{side}_sum").add_(wide.sum(0))
        getattr(self, f"{side}_products").addmm_(wide.T, wide)

    def compute(self) -> Tensor:
        """0-dimensional float64."""
        fake, real = (
            gaussian_statistics_from_sums(
                int(getattr(self, f"{side}_count")),
                getattr(self, f"{side}_sum"),
                getattr(self, f"{side}_products"),
            )
            for side in ("fake", "real")
        )
        return frechet_distance_from_statistics(fake, real)


class _KeepsFeatures(Metric):
    """Keeps the features of both sides, to be gathered from all processes."""

    is_differentiable = False
    full_state_update = False
    real: list[Tensor]
    fake: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("real", [], dist_reduce_fx="cat")
        self.add_state("fake", [], dist_reduce_fx="cat")

    def update(self, features: Float[Tensor, "batch dim"], real: bool) -> None:
        (self.real if real else self.fake).append(features)

    def _features(self) -> tuple[Tensor, Tensor]:
        return dim_zero_cat(self.fake), dim_zero_cat(self.real)


class KernelDistance(_KeepsFeatures):
    """Unbiased squared MMD under the cubic kernel; `compute` gives it with its standard error."""

    higher_is_better = False

    def compute(self) -> tuple[Tensor, Tensor]:
        """(value, standard error), 0-dimensional float64."""
        estimate = kernel_distance(*self._features())
        return estimate.value, estimate.stderr


class PrecisionRecallDensityCoverage(_KeepsFeatures):
    """Precision, recall, density and coverage. k: neighbours."""

    higher_is_better = True

    def __init__(self, k: int = NEIGHBOURS) -> None:
        super().__init__()
        self.k = k

    def compute(self) -> dict[str, Tensor]:
        """By name, 0-dimensional float64."""
        found = precision_recall_density_coverage(*self._features(), self.k)
        return {name: getattr(found, name) for name in ("precision", "recall", "density", "coverage")}


class SlicedWasserstein(_KeepsFeatures):
    """Sliced 2-Wasserstein distance. seed: of the random directions."""

    higher_is_better = False

    def __init__(self, projections: int = PROJECTIONS, seed: int = 0) -> None:
        super().__init__()
        self.projections = projections
        self.seed = seed

    def compute(self) -> Tensor:
        """0-dimensional float64."""
        generator = torch.Generator().manual_seed(self.seed)
        return sliced_wasserstein(*self._features(), generator, self.projections)
