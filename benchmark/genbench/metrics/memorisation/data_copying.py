"""C_T, the data-copying test of Meehan, Chaudhuri and Dasgupta (2020, "A non-parametric test to detect
data-copying in generative models", AISTATS, section 3).

Space is divided into cells by k-means on the training set. In each cell, the distances of samples and of held-out real
data to the nearest training example of the cell are compared by the Mann-Whitney test. The z-scores are averaged over
the cells with enough samples, weighted by the cells' shares of held-out data.

A value far below 0 means that samples are closer to the training set than real data are: the model copies. Near 0 they
are as close as real data. Far above 0 they are farther away, as those of a model that has learned little. Ties count a
half, in the statistic and in its variance; the authors count them on one side and correct for continuity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.metrics.memorisation.nearest_training import distance_rounding, mean_of, nearest_in_chunks
from genbench.metrics.metric_values import feature_obstacle, metric_value
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.tensor_cache import cached_tensors

MIN_SAMPLES_PER_CELL = 20
"""Cells with fewer samples are left out (the authors' tau, times N)."""
_EXAMPLES_PER_CELL, _MAX_CELLS = 50, 20
_FITTED_TO = 10_000  # training examples, at most, that the cells are fitted to
_ROUNDS = 50
_VERSION = "1"


@dataclass(frozen=True)
class DataCopying:
    """The result of the test."""

    value: Float[Tensor, ""]
    """C_T; NaN where no cell has enough samples."""
    stderr: Float[Tensor, ""]
    """Standard error of C_T between sets of samples and of held-out data (DeLong et al. 1988)."""
    held_out_stderr: Float[Tensor, ""]
    """The part of it that comes from the held-out data."""
    cells: tuple[int, int]
    """The number of cells with enough samples, and the number of all cells."""


@dataclass(frozen=True)
class MannWhitney:
    """The result of the Mann-Whitney test in one cell."""

    z: Float[Tensor, ""]
    """z-score; positive where samples' distances are larger than those of held-out data."""
    variance: Float[Tensor, ""]
    """Variance of z."""
    held_out_variance: Float[Tensor, ""]
    """The part of it that comes from the held-out data."""


def mann_whitney(samples: Float[Tensor, " m"], held_out: Float[Tensor, " n"]) -> MannWhitney:
    """The z-score of U = #(sample > held-out) + #(ties) / 2, corrected for ties; 0 where all distances are equal."""
    m, n = len(samples), len(held_out)
    below, above = _placements(samples, held_out), 1 - _placements(held_out, samples)
    _, counts = torch.unique(torch.cat([samples, held_out]), return_counts=True)
    tied = (counts.double() ** 3 - counts).sum() / ((m + n) * max(m + n - 1, 1))
    sigma_squared = m * n / 12 * ((m + n + 1) - tied)
    if not sigma_squared > 0:
        return MannWhitney(*(sigma_squared.new_zeros(()) for _ in range(3)))
    z = (below.sum() * n - m * n / 2) / sigma_squared.sqrt()
    scale = (m * n) ** 2 / sigma_squared
    of_samples = below.var(correction=min(1, m - 1)) / m * scale
    of_held_out = above.var(correction=min(1, n - 1)) / n * scale
    return MannWhitney(z, of_samples + of_held_out, of_held_out)


def _placements(x: Float[Tensor, " n"], among: Float[Tensor, " m"]) -> Float[Tensor, " n"]:
    """For each x the share of `among` that is smaller; ties count a half."""
    order = among.sort().values
    smaller = torch.searchsorted(order, x) + torch.searchsorted(order, x, right=True)
    return smaller.double() / (2 * len(among))


def fit_cells(
    train: Float[Tensor, "m dim"], count: int, generator: torch.Generator
) -> Float[Tensor, "k dim"]:
    """Centres of at most `count` cells, float64, by k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's algorithm."""
    chosen = torch.randperm(len(train), generator=generator)[:_FITTED_TO]
    x = train[chosen].double()
    centres = x[:1]
    nearest = (x - centres[0]).square().sum(1)
    while len(centres) < count and float(nearest.max()) > 0:
        far = torch.multinomial(nearest, 1, generator=generator)
        centres = torch.cat([centres, x[far]])
        nearest = torch.minimum(nearest, (x - centres[-1]).square().sum(1))
    for _ in range(_ROUNDS):
        owner = cells_of(x, centres)
        members = torch.bincount(owner, minlength=len(centres)).double()
        sums = torch.zeros_like(centres).index_add_(0, owner, x)
        moved = torch.where(members[:, None] > 0, sums / members.clamp(min=1)[:, None], centres)
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres


def cells_of(x: Float[Tensor, "n dim"], centres: Float[Tensor, "k dim"]) -> Int[Tensor, " n"]:
    """The cell of each x: the index of its nearest centre."""
    pieces = [torch.cdist(piece.double(), centres) for piece in x.split(8192)]
    return torch.cat([piece.argmin(1) for piece in pieces]) if pieces else torch.zeros(0, dtype=torch.int64)


def cells_for(examples: int) -> int:
    """The number of cells for that many samples and held-out examples: one per 50 of them, at most 20."""
    return min(max(examples // _EXAMPLES_PER_CELL, 1), _MAX_CELLS)


def data_copying(
    samples: Float[Tensor, "n dim"],
    held_out: Float[Tensor, "k dim"],
    train: Float[Tensor, "m dim"],
    centres: Float[Tensor, "cells dim"],
    train_cells: Int[Tensor, " m"] | None = None,
) -> DataCopying:
    """C_T of features. centres: of the cells. train_cells: the cell of each training example; None computes them."""
    owner = cells_of(train, centres) if train_cells is None else train_cells
    sample_cells, held_out_cells = cells_of(samples, centres), cells_of(held_out, centres)
    weights, scores = [], []
    for cell in range(len(centres)):
        ours, theirs = samples[sample_cells == cell], held_out[held_out_cells == cell]
        own = train[owner == cell]
        if len(ours) < MIN_SAMPLES_PER_CELL or len(theirs) == 0 or len(own) == 0:
            continue
        scores.append(mann_whitney(_to_nearest(ours, own), _to_nearest(theirs, own)))
        weights.append(float(len(theirs)))
    if not scores:
        nothing = torch.tensor(torch.nan, dtype=torch.float64)
        return DataCopying(nothing, nothing, nothing, (0, len(centres)))
    share = torch.tensor(weights).double() / sum(weights)
    z, variance, held_out_variance = (
        torch.stack([getattr(score, name) for score in scores])
        for name in ("z", "variance", "held_out_variance")
    )
    stderr, held_out_stderr = ((share.square() * part).sum().sqrt() for part in (variance, held_out_variance))
    return DataCopying((share * z).sum(), stderr, held_out_stderr, (len(scores), len(centres)))


def _to_nearest(x: Float[Tensor, "n dim"], train: Float[Tensor, "m dim"]) -> Float[Tensor, " n"]:
    """Squared distances to the nearest training example, in float32, so that distances that differ only by rounding
    errors are equal, and those of copies are 0."""
    centre = mean_of(train)
    nearest, distance = nearest_in_chunks(x, train, centre)
    return torch.where(distance <= distance_rounding(x, train[nearest], centre), 0.0, distance).float()


def score_data_copying(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `data_copying_z`."""
    name = "data_copying_z"
    least = min(len(inputs.samples), len(inputs.reference))
    obstacle = feature_obstacle(inputs, needed=MIN_SAMPLES_PER_CELL) or feature_obstacle(
        inputs, needed=2, train=True
    )
    if obstacle is not None:
        return [metric_value(name, inputs, None, note=obstacle)]
    count = cells_for(least)
    what = (_VERSION, inputs.extractor.identity, inputs.train_fingerprint, str(count), str(inputs.seed))
    cells = cached_tensors("cells", what, lambda: _fitted(inputs, count))
    found = data_copying(
        inputs.sample_features,
        inputs.reference_features,
        inputs.train_features,
        cells["centres"],
        cells["owner"],
    )
    counted, all_cells = found.cells
    if counted == 0:
        note = f"none of {all_cells} cells has {MIN_SAMPLES_PER_CELL} samples and held-out examples"
        return [metric_value(name, inputs, None, k=all_cells, note=note)]
    partly = (
        f"over the {counted} of {all_cells} cells that hold {MIN_SAMPLES_PER_CELL} samples"
        if counted < all_cells
        else None
    )
    return [
        metric_value(
            name,
            inputs,
            found.value,
            stderr=found.stderr,
            test_stderr=found.held_out_stderr,
            # no error where all samples, or none, are nearer than all held-out examples
            is_rough=inputs.reference_windows is not None or float(found.stderr) == 0.0,
            k=all_cells,
            note=partly,
        )
    ]


def _fitted(inputs: ScoringInputs, count: int) -> dict[str, Tensor]:
    centres = fit_cells(inputs.train_features, count, inputs.generator())
    return {"centres": centres, "owner": cells_of(inputs.train_features, centres)}
