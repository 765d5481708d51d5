"""Vendi score: the effective number of different examples in a set (Friedman and Dieng 2023).

    VS = exp(-Σ λ log λ)      over the eigenvalues λ of K / N, K the kernel of all pairs, k(x, x) = 1

It is N where all examples are unlike each other and 1 where they are all the same. It is computed from the samples
alone, so that a higher value is not better (noise has the highest): compare it with that of real data at the same N.

There are two kernels, as in the paper: the cosine of features for images, and a Gaussian kernel for points in the
plane, where directions mean nothing. With the cosine, K is a product of unit vectors and has the eigenvalues of a D x
D matrix, so that the cost is linear in N.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, evenly_spaced, of_one_feature_set
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import mean_error

# The Gaussian kernel needs the eigenvectors of the matrix of all pairs.
MAX_EXAMPLES = 2000
_BANDWIDTH_EXAMPLES = 1000
# The Gaussian kernel's bandwidth, as a share of the median distance between real examples. With the median itself,
# which is a usual choice elsewhere, eight modes on a circle count as three.
_OF_MEDIAN = 0.25


@of_one_feature_set
def vendi_score(x: Float[Tensor, "n dim"]) -> Estimate:
    """The score under the cosine kernel: the effective number of directions in x (N, D), at most D.

    Examples that are 0 have no direction; they count as equal to each other and unlike all others. The standard error
    is computed as in `vendi_score_gaussian`.
    """
    _at_least_one(x)
    wide = x.double()
    lengths = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
    unit = torch.cat([wide / lengths.clamp_min(torch.finfo(torch.float64).tiny), (lengths == 0).double()], 1)
    if len(unit) <= unit.shape[1]:
        return _of_kernel(unit @ unit.T)
    eigenvalues, vectors = torch.linalg.eigh(unit.T @ unit / len(unit))
    return _from_spectrum(eigenvalues, (unit @ vectors).square())


@of_one_feature_set
def vendi_score_gaussian(x: Float[Tensor, "n dim"], bandwidth: float) -> Estimate:
    """The score under the kernel exp(-|x - y|² / 2 bandwidth²), of at most 2,000 examples, evenly spaced in x.

    The standard error, by the delta method, says how much the score varies between sets of examples: with more weight,
    an example x changes the entropy by -x·log(K) x less the mean of that. It does not include the bias, which is
    negative.
    """
    _at_least_one(x)
    if not bandwidth > 0:
        raise ValueError(f"a Gaussian kernel of bandwidth {bandwidth}: needs more than 0")
    some = evenly_spaced(x, MAX_EXAMPLES).double()
    return _of_kernel(torch.exp(-0.5 * (_pair_distances(some) / bandwidth).square()))


@of_one_feature_set
def median_distance(x: Float[Tensor, "n dim"]) -> float:
    """The median distance between two of at most 1,000 examples."""
    distances = _pair_distances(evenly_spaced(x, _BANDWIDTH_EXAMPLES).double())
    first, second = torch.triu_indices(len(distances), len(distances), offset=1)
    return float(distances[first, second].median()) if len(first) else 0.0


def _pair_distances(x: Float[Tensor, "n dim"]) -> Float[Tensor, "n n"]:
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def _at_least_one(x: Tensor) -> None:
    if len(x) < 1:
        raise ValueError("the Vendi score of 0 examples: needs at least 1")


def _of_kernel(kernel: Float[Tensor, "n n"]) -> Estimate:
    eigenvalues, vectors = torch.linalg.eigh(kernel / len(kernel))
    return _from_spectrum(eigenvalues, len(kernel) * eigenvalues.clamp_min(0.0) * vectors.square())


def _from_spectrum(eigenvalues: Float[Tensor, " rank"], squares: Float[Tensor, "n rank"]) -> Estimate:
    """The score of a kernel matrix. squares: the squares of each example's coordinates along the eigenvectors."""
    kept = eigenvalues > len(eigenvalues) * torch.finfo(torch.float64).eps
    logs = eigenvalues[kept].log()
    score = (-(eigenvalues[kept] * logs).sum()).exp()
    influence = -squares[:, kept] @ logs
    error = mean_error(influence)
    return Estimate(score, score * error.stderr, torch.zeros_like(score), error.is_rough)


def score_vendi(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `vendi_score`."""
    name = "vendi_score"
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value([name], inputs, obstacle)
    samples, reference = inputs.sample_features, inputs.reference_features
    if inputs.spec.modality != "points":
        found, real = vendi_score(samples), vendi_score(reference)
        note = "cosine kernel"
    else:
        bandwidth = _OF_MEDIAN * median_distance(reference)
        if bandwidth == 0:
            return without_value([name], inputs, "half of the reference's distances are 0: no bandwidth")
        found, real = (vendi_score_gaussian(features, bandwidth) for features in (samples, reference))
        note = f"Gaussian kernel, bandwidth {bandwidth:.3g}"
        if len(samples) > MAX_EXAMPLES:
            note += f", of {MAX_EXAMPLES} samples"
    return [estimated_value(name, inputs, found, note=note, real=real)]
