"""Kullback-Leibler and Jensen-Shannon divergence of samples from a known density, estimated from the samples.

KL(samples || truth) = -H(samples) - mean of log p(sample). The cross-entropy is computed by the density itself, the
entropy from the distances to the k-th neighbour (Kozachenko and Leonenko 1987; Wang et al. 2009, section II). It is
large without bound where samples lie where the truth has none. A mode without samples adds little: log 2 where half of
the modes have none.

JS(samples, truth), between 0 and log 2, is computed from the shares of samples and of truth in cells of equal
probability under the truth, which are cut at medians of fifty thousand draws of it. It does not see differences within
cells, which makes it too small, and it has a bias of about (cells - 1) / 8N.

Neither has an error from the test set, since samples are compared with the density. The draws that cut the cells are
the same for all models and for held-out points, so that what they add is common to all.

Neither needs a likelihood of the model. For a model with a likelihood, KL(truth || model), which is another divergence,
is exactly the negative log-likelihood of held-out points less the entropy of the truth.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench.api.data import Truth
from genbench.metrics.metric_values import estimated_value, metric_value, without_value
from genbench.metrics.numerics.feature_arrays import (
    Estimate,
    FeatureArray,
    of_one_feature_set,
    of_two_feature_sets,
)
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.seeding import derive_seed

NEIGHBOURS = 5
TRUTH_DRAWS = 50_000
# The mean number of samples per cell, and the largest number of cells.
_SAMPLES_PER_CELL, _MAX_CELLS = 8, 256
# Samples whose distances to all others are in memory at once.
_ROWS = 1024
_NAMES = ("kl_divergence", "js_divergence")
# Sets of points of the truth whose mean divergence is the value of real data.
_REAL_SETS = 4


@of_one_feature_set
def kl_divergence(samples: Float[Tensor, "n dim"], log_prob: FeatureArray, k: int = NEIGHBOURS) -> Estimate:
    """KL(samples || truth) in nats. log_prob: (N,) of the samples under the truth, finite.

    The standard error, by the jackknife, which leaves out one sample at a time, says how much the value varies between
    sets of samples; NaN for only k + 1 samples. It does not include the bias, which is positive where the density has
    tails: 0.02 nats for a Gaussian in the plane with 1,000 samples, 0.05 with 200. The value may be negative.

    Raises ValueError for fewer than k + 1 samples, and where k + 1 samples are one point.
    """
    log_prob = torch.as_tensor(log_prob)
    if log_prob.shape != samples.shape[:1] or not log_prob.isfinite().all():
        raise ValueError(
            f"log_prob has shape {tuple(log_prob.shape)}, expected ({len(samples)},), all finite"
        )
    n, dim = samples.shape
    if n <= k:
        raise ValueError(f"{n} samples, needs at least {k + 1}")
    distances, neighbours = _nearest(samples.double(), min(k + 1, n - 1))
    if coinciding := int((distances[:, k - 1] == 0).sum()):
        raise ValueError(f"infinite: {coinciding} of {n} samples coincide with {k} others or more")
    log_ball = dim / 2 * math.log(math.pi) - math.lgamma(dim / 2 + 1)
    of_k, of_n = torch.digamma(torch.tensor([k, n], dtype=torch.float64)).tolist()
    terms = of_k - of_n - log_ball - dim * distances[:, k - 1].log() - log_prob.double().to(samples.device)
    if n < k + 2:
        return Estimate(terms.mean(), terms.new_full((), torch.nan))
    # without sample j its own term is missing, and where it was among the k nearest, the next one takes its place
    next_takes_over = dim * (distances[:, k - 1] / distances[:, k]).log()
    changes = -terms
    changes.index_add_(0, neighbours[:, :k].flatten(), next_takes_over.repeat_interleave(k))
    without_each = (terms.sum() + changes) / (n - 1)
    stderr = ((n - 1) * without_each.var(correction=0)).sqrt()
    return Estimate(terms.mean(), stderr, torch.zeros_like(stderr))


def _nearest(
    samples: Float[Tensor, "n dim"], count: int
) -> tuple[Float[Tensor, "n count"], Int[Tensor, "n count"]]:
    """Distances to the `count` nearest other samples, ascending, and their indices."""
    found = []
    for start in range(0, len(samples), _ROWS):
        rows = samples[start : start + _ROWS]
        distances = torch.cdist(rows, samples, compute_mode="donot_use_mm_for_euclid_dist")
        distances[:, start : start + len(rows)].fill_diagonal_(torch.inf)
        found.append(distances.topk(count, dim=1, largest=False))
    return torch.cat([some.values for some in found]), torch.cat([some.indices for some in found])


@of_two_feature_sets
def js_divergence(
    samples: Float[Tensor, "n dim"], truth: Float[Tensor, "m dim"], cells: int | None = None
) -> Estimate:
    """JS in nats between samples (N, D) and many draws from the truth (M, D).

    cells: a power of 2; None takes one cell per eight samples, at most 256. The standard error, by the delta method,
    says how much the value varies between sets of samples in the same cells; it does not include the bias. The shares
    of the cells are noisy, and their noise adds to the variance of the influence as much again as the second-order part
    of the value has; so that part is subtracted once. Raises ValueError for fewer than 16 samples, and for fewer draws
    than cells.
    """
    if cells is None:
        cells = _number_of_cells(len(samples))
    if len(samples) < 2 * _SAMPLES_PER_CELL or len(truth) < cells:
        raise ValueError(
            f"the Jensen-Shannon divergence of {len(samples)} samples and {len(truth)} draws: needs at least"
            f" {2 * _SAMPLES_PER_CELL} and {cells}"
        )
    return _js_in_cells(*equal_cells(truth.double(), samples.double(), cells), cells)


def _number_of_cells(samples: int) -> int:
    """The number of cells for so many samples."""
    return min(_MAX_CELLS, 1 << (max(2, samples // _SAMPLES_PER_CELL).bit_length() - 1))


def _js_in_cells(of_truth: Int[Tensor, " m"], of_samples: Int[Tensor, " n"], cells: int) -> Estimate:
    """JS between the distributions over cells. of_truth, of_samples: the cell of each draw and of each sample."""
    p = torch.bincount(of_truth, minlength=cells).double() / len(of_truth)
    q = torch.bincount(of_samples, minlength=cells).double() / len(of_samples)
    middle = (p + q) / 2
    value = (torch.xlogy(q, q / middle).sum() + torch.xlogy(p, p / middle).sum()) / 2
    # with more weight, a sample changes JS by half the logarithm of its cell's q over the mean of p and q
    influence = (q / middle)[of_samples].log() / 2
    total = influence.var() / len(of_samples)
    # the second derivative by a cell's q is p / (4 q m), with m the mean of p and q; the variance of q is q / N
    second_order = (p / (4 * middle * len(of_samples))).square().sum() / 2
    corrected = torch.maximum(total - second_order, torch.minimum(second_order, total / 2))
    return Estimate(value, corrected.sqrt(), torch.zeros_like(value))


def equal_cells(
    truth: Float[Tensor, "m dim"], samples: Float[Tensor, "n dim"], cells: int
) -> tuple[Int[Tensor, " m"], Int[Tensor, " n"]]:
    """The cell of each draw and of each sample. All cells hold equally many draws.

    cells: their number, a power of 2. Cells are cut at the median of their widest coordinate until there are so many.
    """
    if cells < 1 or cells & (cells - 1):
        raise ValueError(f"{cells} cells: expected a power of 2")
    of_truth, of_samples = (torch.zeros(len(z), dtype=torch.int64, device=z.device) for z in (truth, samples))
    # the draws and the samples of each cell of a level, then of the next, as in a binary heap
    members = [tuple(torch.arange(len(z), device=z.device) for z in (truth, samples))]
    for cut in range(cells - 1):
        inside, here = members[cut]
        draws = truth[inside]
        widest = int((draws.amax(0) - draws.amin(0)).argmax())
        column = draws[:, widest]
        middle = column.median()
        above, samples_above = column > middle, samples[here, widest] > middle
        members.append((inside[~above], here[~samples_above]))
        members.append((inside[above], here[samples_above]))
    for cell, (inside, here) in enumerate(members[cells - 1 :]):
        of_truth[inside], of_samples[here] = cell, cell
    return of_truth, of_samples


def score_divergences(inputs: ScoringInputs) -> list[MetricValue]:
    """The metrics `kl_divergence` and `js_divergence`. Their `real` is the value of as many real points, estimated in
    the same way, which shows the bias: that of the reference for the first, the mean over several sets of fresh points
    of the truth for the second."""
    truth, samples = inputs.truth, inputs.samples
    if truth is None:
        return without_value(_NAMES, inputs, "the density is not known")
    if not samples.isfinite().all():
        return without_value(_NAMES, inputs, "the samples are not all finite")
    return [_kl_value(inputs, truth), _js_value(inputs, truth)]


def _kl_value(inputs: ScoringInputs, truth: Truth) -> MetricValue:
    name, k = "kl_divergence", NEIGHBOURS
    try:
        found = _kl_of(inputs.samples, truth, k)
    except ValueError as error:
        return metric_value(name, inputs, None, k=k, note=str(error))
    try:
        real = _kl_of(inputs.reference, truth, k)
    except ValueError:
        real = None
    # the jackknife's error is half too large
    return estimated_value(name, inputs, found._replace(is_rough=True), k=k, real=real)


def _kl_of(points: Tensor, truth: Truth, k: int) -> Estimate:
    log_prob = truth.log_prob(points)
    if outside := int((log_prob == -torch.inf).sum()):
        raise ValueError(f"infinite: {outside} of {len(points)} samples lie where the density is 0")
    return kl_divergence(points.flatten(1), log_prob, k)


def _js_value(inputs: ScoringInputs, truth: Truth) -> MetricValue:
    """Computed from all samples that were drawn, since the truth gives as many points as they are."""
    name, needed, samples = "js_divergence", 2 * _SAMPLES_PER_CELL, inputs.all_samples
    if len(samples) < needed:
        return metric_value(name, inputs, None, note=f"{len(samples)} samples, needs at least {needed}")
    draws = truth.sample(TRUTH_DRAWS, inputs.generator()).flatten(1)
    fresh = [truth.sample(len(samples), _fresh_points(inputs, index)) for index in range(_REAL_SETS)]
    cells = _number_of_cells(len(samples))
    # the cells depend on the draws alone, so they are cut once for all sets of points
    sets = torch.cat([samples, *fresh]).flatten(1)
    of_draws, of_sets = equal_cells(draws.double(), sets.double(), cells)
    found, *of_real = (_js_in_cells(of_draws, of_set, cells) for of_set in of_sets.split(len(samples)))
    values = torch.stack([estimate.value for estimate in of_real])
    real = Estimate(values.mean(), values.std() / _REAL_SETS**0.5)
    return estimated_value(name, inputs, found, n=len(samples), real=real)


def _fresh_points(inputs: ScoringInputs, index: int) -> torch.Generator:
    """The source of a set of points of the truth, equal for all models and different from that of the cells."""
    return torch.Generator().manual_seed(derive_seed(inputs.seed, "real points", str(index)))
