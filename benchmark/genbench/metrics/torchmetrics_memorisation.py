"""Metrics of memorisation, and train on samples, as torchmetrics classes for training loops of your own.

    metric = NearDuplicateShare()
    metric.update(features_of_training_examples, source="train")
    metric.update(features_of_held_out_examples, source="held-out")
    metric.update(features_of_samples, source="samples")
    metric.compute()

`compute` returns what the metric's function returns for all features at once. Workers do not import this module:
importing torchmetrics takes seconds.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from genbench.api.spec import DataSpec
from genbench.metrics.memorisation.data_copying import cells_for, data_copying, fit_cells
from genbench.metrics.memorisation.near_duplicates import HELD_OUT_QUANTILE, authenticity, near_duplicates
from genbench.metrics.train_on_samples import train_on_samples_log_prob

__all__ = ["Authenticity", "DataCopyingZ", "NearDuplicateShare", "TrainOnSamplesNLL"]

_SOURCES = ("samples", "held-out", "train")


class _ThreeSources(Metric):
    """Stores the features of each source, which torchmetrics gathers from all processes."""

    is_differentiable = False
    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        for name in ("samples", "held_out", "train"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, x: Shaped[Tensor, "batch *event"], source: str) -> None:
        """Add a batch. source: "samples", "held-out" or "train"."""
        if source not in _SOURCES:
            raise ValueError(f"source {source!r}: expected 'samples', 'held-out' or 'train'")
        getattr(self, source.replace("-", "_")).append(x)

    def _all(self, name: str) -> Tensor:
        whole: Tensor = dim_zero_cat(getattr(self, name))
        return whole


class Authenticity(_ThreeSources):
    """Share of authentic samples (Alaa et al. 2022). Needs no held-out features."""

    higher_is_better = True

    def compute(self) -> Float[Tensor, ""]:
        """0-dimensional float64."""
        return authenticity(self._all("samples"), self._all("train"))


class NearDuplicateShare(_ThreeSources):
    """Share of near-duplicates of training examples among the samples.

    quantile: the share of held-out real data that counts as near-duplicates.
    """

    higher_is_better = False

    def __init__(self, quantile: float = HELD_OUT_QUANTILE) -> None:
        super().__init__()
        self.quantile = quantile

    def compute(self) -> dict[str, Tensor]:
        """The fields of `NearDuplicates` by name: value, real, stderr, excess_share; 0-dimensional float64."""
        samples, held_out, train = (self._all(name) for name in ("samples", "held_out", "train"))
        found = near_duplicates(samples, held_out, train, self.quantile)
        return {name: getattr(found, name) for name in ("value", "real", "stderr", "excess_share")}


class DataCopyingZ(_ThreeSources):
    """C_T (Meehan et al. 2020), which is negative where samples are copied.

    cells: their number; None takes that of `cells_for`. seed: of the k-means that makes the cells.
    """

    higher_is_better = True

    def __init__(self, cells: int | None = None, seed: int = 0) -> None:
        super().__init__()
        self.cells = cells
        self.seed = seed

    def compute(self) -> tuple[Tensor, Tensor]:
        """(value, standard error), 0-dimensional float64; NaN where no cell has enough samples."""
        samples, held_out, train = (self._all(name) for name in ("samples", "held_out", "train"))
        count = self.cells or cells_for(min(len(samples), len(held_out)))
        centres = fit_cells(train, count, torch.Generator().manual_seed(self.seed))
        found = data_copying(samples, held_out, train, centres)
        return found.value, found.stderr


class TrainOnSamplesNLL(_ThreeSources):
    """Mean negative log-likelihood, in nats, of held-out examples under a small density fitted to the samples.

    It takes examples, not features. spec: their domain. seed: of the density's fit.
    """

    higher_is_better = False

    def __init__(self, spec: DataSpec, seed: int = 0) -> None:
        super().__init__()
        self.spec = spec
        self.seed = seed

    def compute(self) -> tuple[Tensor, Tensor]:
        """(value, standard error over the held-out examples), 0-dimensional float64."""
        samples, held_out, train = (self._all(name) for name in ("samples", "held_out", "train"))
        nll = -train_on_samples_log_prob(samples, held_out, train, self.spec, self.seed)
        return nll.mean(), nll.std() / len(nll) ** 0.5
