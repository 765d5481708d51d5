"""Fréchet distance between Gaussians fitted to two sets of features (Heusel et al. 2017, "FID").

    d² = |μ1 - μ2|² + tr Σ1 + tr Σ2 - 2 tr (Σ1 Σ2)^½          (Dowson and Landau 1982)

No matrix square root is needed: with Σi = Riᵀ Ri, the eigenvalues of Σ1 Σ2 are those of M Mᵀ with
M = R1 R2ᵀ, so the last trace is the sum of M's singular values. With fewer examples than dimensions the
centred examples themselves are such a root, and everything stays of the size N x N.

As everywhere in the literature, the figure is the square, d². It is biased upwards at finite N: compare
only at equal N.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.figures import feature_obstacle, figure, without_value
from genbench.result import MetricValue
from genbench.scoring import ScoringInputs

# The sum of singular values may be off by this share of itself before the slower svdvals is asked.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class GaussianStatistics:
    """mean: (D,). root: (R, D) with rootᵀ root the unbiased covariance. Both float64."""

    mean: Float[Tensor, " dim"]
    root: Float[Tensor, "rank dim"]


def gaussian_statistics(features: Float[Tensor, "n dim"]) -> GaussianStatistics:
    """Features to statistics; at least 2 examples."""
    n, dim = features.shape
    if n < 2:
        raise ValueError(f"the covariance of {n} examples: needs at least 2")
    wide = features.double()
    mean = wide.mean(0)
    deviations = wide - mean
    if n <= dim:
        return GaussianStatistics(mean, deviations / (n - 1) ** 0.5)
    return GaussianStatistics(mean, covariance_root(deviations.T @ deviations / (n - 1)))


def gaussian_statistics_from_sums(
    count: int, total: Float[Tensor, " dim"], products: Float[Tensor, "dim dim"]
) -> GaussianStatistics:
    """Sums to statistics, for features that pass by once. total: sum of x; products: sum of x xᵀ; float64."""
    if count < 2:
        raise ValueError(f"the covariance of {count} examples: needs at least 2")
    mean = total / count
    return GaussianStatistics(
        mean, covariance_root((products - count * torch.outer(mean, mean)) / (count - 1))
    )


def covariance_root(covariance: Float[Tensor, "dim dim"]) -> Float[Tensor, "rank dim"]:
    """R with Rᵀ R = Σ: Cholesky's, or, where Σ is singular, one row for each eigenvalue above rounding."""
    lower, failed = torch.linalg.cholesky_ex(covariance)
    root: Tensor
    if not failed:
        root = lower.T
        return root
    eigenvalues, eigenvectors = torch.linalg.eigh(covariance)
    floor = len(covariance) * torch.finfo(torch.float64).eps * eigenvalues[-1].clamp_min(0.0)
    kept = eigenvalues > floor
    root = (eigenvectors[:, kept] * eigenvalues[kept].sqrt()).T
    return root


def frechet_distance_from_statistics(a: GaussianStatistics, b: GaussianStatistics) -> Float[Tensor, ""]:
    """Statistics to metric: d², 0-dimensional float64, never below 0."""
    traces = a.root.square().sum() + b.root.square().sum()
    overlap = _sum_of_singular_values(a.root @ b.root.T)
    return ((a.mean - b.mean).square().sum() + traces - 2 * overlap).clamp_min(0.0)


def frechet_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, ""]:
    """d² between Gaussians fitted to x (N, D) and y (M, D)."""
    return frechet_distance_from_statistics(gaussian_statistics(x), gaussian_statistics(y))


def _sum_of_singular_values(matrix: Float[Tensor, "rows cols"]) -> Float[Tensor, ""]:
    """From the eigenvalues of M Mᵀ, which come six times faster than the singular values of M.

    Squaring costs accuracy in the small ones: an eigenvalue off by δ makes its root σ off by δ/σ, at most
    by √δ. Where those add up to more than the tolerance (M is singular, say), svdvals it is.
    """
    rows, columns = matrix.shape
    if min(rows, columns) == 0:
        return matrix.new_zeros(())
    squares = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    eigenvalues = torch.linalg.eigvalsh(squares).clamp_min_(0.0)
    singular_values: Tensor = eigenvalues.sqrt()
    rounding = len(eigenvalues) ** 0.5 * torch.finfo(torch.float64).eps * eigenvalues[-1]
    error = torch.minimum(rounding / singular_values, rounding.sqrt()).nan_to_num_(0.0).sum()
    if error > _TOLERANCE * singular_values.sum():
        singular_values = torch.linalg.svdvals(matrix)
    return singular_values.sum()


def score_frechet(inputs: ScoringInputs) -> list[MetricValue]:
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["frechet_distance"], inputs, obstacle)
    distance = frechet_distance(inputs.sample_features, inputs.reference_features)
    return [figure("frechet_distance", inputs, distance)]
