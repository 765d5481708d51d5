"""Fréchet distance between Gaussians fitted to two sets of features (Heusel et al. 2017, "FID").

    d² = |μ1 - μ2|² + tr Σ1 + tr Σ2 - 2 tr (Σ1 Σ2)^½          (Dowson and Landau 1982)

No matrix square root is needed: with Σi = Riᵀ Ri, the eigenvalues of Σ1 Σ2 are those of R1 Σ2 R1ᵀ = M Mᵀ
with M = R1 R2ᵀ, so the last trace is the sum of M's singular values. With fewer examples than dimensions the
centred examples themselves are such a root, and all matrices are of the size N x N.

All products are in float64; with less precision, small eigenvalues are lost. Symmetric and triangular products are
computed by blocks, which saves about half of the work.

As everywhere in the literature, the value is the square, d². Its bias at finite N is positive: compare values only at
equal N, or extrapolate (`genbench.metrics.frechet_infinity`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from genbench.metrics.metric_values import estimated_value, feature_obstacle, without_value
from genbench.metrics.numerics.feature_arrays import Estimate, evenly_spaced, of_two_feature_sets, two_sided
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue
from genbench.util.mean_errors import Windows

# Where the relative error of the sum of singular values may exceed this, the slower svdvals computes them.
_TOLERANCE = 1e-9
# Examples whose products are summed at a time, and columns per block of a product.
_ROWS, _COLUMNS = 1024, 256
# Singular values below this share of the largest are left out of the standard error, as rounding errors.
_NEGLIGIBLE = 1e-6
# Examples per side from which the standard error is computed: enough for a precision of 5 %.
_INFLUENCE_EXAMPLES = 1024
_TINY = 1e-300


@dataclass(frozen=True)
class GaussianStatistics:
    """A mean and an unbiased covariance, which is given either itself or by a root. All float64."""

    mean: Float[Tensor, " dim"]
    """Mean."""
    covariance: Float[Tensor, "dim dim"] | None = None
    """Covariance; None where `given_root` is given."""
    given_root: Float[Tensor, "rank dim"] | None = None
    """A matrix R with Rᵀ R the covariance; None where `covariance` is given."""

    @cached_property
    def root(self) -> Float[Tensor, "rank dim"]:
        """A matrix R with Rᵀ R the covariance."""
        if self.given_root is not None:
            return self.given_root
        if self.covariance is None:
            raise ValueError("Gaussian statistics need a covariance or a root of it")
        return covariance_root(self.covariance)

    @property
    def trace(self) -> Float[Tensor, ""]:
        """Trace of the covariance."""
        return self.root.square().sum() if self.covariance is None else self.covariance.trace()


def gaussian_statistics(features: Float[Tensor, "n dim"]) -> GaussianStatistics:
    """Features to statistics; at least 2 examples."""
    n, dim = features.shape
    if n < 2:
        raise ValueError(f"the covariance of {n} examples: needs at least 2")
    if n <= dim:
        wide = features.double()
        mean = wide.mean(0)
        return GaussianStatistics(mean, given_root=(wide - mean) / (n - 1) ** 0.5)
    mean, scatter = mean_and_scatter(features)
    return GaussianStatistics(mean, scatter.div_(n - 1))


def mean_and_scatter(
    features: Float[Tensor, "n dim"],
) -> tuple[Float[Tensor, " dim"], Float[Tensor, "dim dim"]]:
    """The mean, and the sum of (x - mean)(x - mean)ᵀ, float64. A few examples are converted at a time, and only the
    blocks on and above the diagonal are computed."""
    dim = features.shape[1]
    sums = [rows.sum(0, dtype=torch.float64) for rows in features.split(_ROWS)]
    mean = torch.stack(sums).sum(0) / len(features)
    scatter = mean.new_zeros(dim, dim)
    for rows in features.split(_ROWS):
        _add_gram(scatter, rows.double() - mean)
    return mean, _mirrored(scatter)


def _add_gram(total: Float[Tensor, "dim dim"], rows: Float[Tensor, "n dim"]) -> None:
    """Add rowsᵀ rows to the blocks on and above the diagonal: 9/16 of the product's work, at 2048 columns."""
    for start in range(0, rows.shape[1], _COLUMNS):
        block = rows[:, start : start + _COLUMNS]
        total[start : start + _COLUMNS, start:].addmm_(block.T, rows[:, start:])


def _mirrored(upper: Float[Tensor, "dim dim"]) -> Float[Tensor, "dim dim"]:
    """The symmetric matrix whose upper half is given. Writes into the argument."""
    for start in range(0, len(upper), _COLUMNS):
        stop = start + _COLUMNS
        upper[stop:, start:stop] = upper[start:stop, stop:].T
    return upper


def covariance_root(covariance: Float[Tensor, "dim dim"]) -> Float[Tensor, "rank dim"]:
    """R with Rᵀ R = Σ: Cholesky's factor; where Σ is singular, a row for each eigenvalue above the rounding error."""
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
    largest = a.mean.new_zeros(())
    if a.covariance is not None and b.covariance is not None and _is_upper_triangular(a.root):
        gram = _congruent(a.root, b.covariance)
        largest = _largest_eigenvalue(a.covariance) * _largest_eigenvalue(b.covariance)
    else:
        product = _product_of_roots(a.root, b.root)
        if min(product.shape) == 0:
            return _distance(a, b, product.new_zeros(()))
        gram = _smaller_gram(product)
    singular_values = torch.linalg.eigvalsh(gram).clamp_min_(0.0).sqrt()
    overlap = _checked_sum(singular_values, lambda: _product_of_roots(a.root, b.root), largest)
    return _distance(a, b, overlap)


def _congruent(
    root: Float[Tensor, "dim dim"], covariance: Float[Tensor, "dim dim"]
) -> Float[Tensor, "dim dim"]:
    """root covariance rootᵀ for an upper triangular root, in 0.8 dim³ multiplications in place of 2 dim³. The
    covariance needs no root of its own."""
    dim = len(root)
    half, whole = torch.empty_like(root), torch.empty_like(root)
    for start in range(0, dim, _COLUMNS):
        some = slice(start, start + _COLUMNS)
        half[:, some] = covariance[:, start:] @ root[some, start:].T
    for start in range(0, dim, _COLUMNS):
        some, stop = slice(start, start + _COLUMNS), min(start + _COLUMNS, dim)
        whole[:stop, some] = half[start:, :stop].T @ root[some, start:].T
    return _mirrored(whole)


def _largest_eigenvalue(covariance: Float[Tensor, "dim dim"]) -> Float[Tensor, ""]:
    """A lower bound on the largest eigenvalue of a positive definite matrix, by three steps of the power method."""
    vector = covariance[int(covariance.diagonal().argmax())]
    for _ in range(3):
        vector = covariance @ (vector / vector.norm())
    largest: Tensor = vector.norm()
    return largest


def _product_of_roots(a: Float[Tensor, "r dim"], b: Float[Tensor, "s dim"]) -> Float[Tensor, "r s"]:
    """a bᵀ, with two fifths of the work where both are triangular, as Cholesky's factors are."""
    if not (_is_upper_triangular(a) and _is_upper_triangular(b)):
        return a @ b.T
    product = a.new_zeros(len(a), len(b))
    for start in range(0, len(a), _COLUMNS):
        stop = min(start + _COLUMNS, len(a))
        product[:stop, :stop].addmm_(a[:stop, start:stop], b[:stop, start:stop].T)
    return product


def _is_upper_triangular(matrix: Float[Tensor, "rows cols"]) -> bool:
    return matrix.shape[0] == matrix.shape[1] and not bool(matrix.tril(-1).any())


def _distance(a: GaussianStatistics, b: GaussianStatistics, overlap: Tensor) -> Float[Tensor, ""]:
    return ((a.mean - b.mean).square().sum() + a.trace + b.trace - 2 * overlap).clamp_min(0.0)


@of_two_feature_sets
def frechet_distance(x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, ""]:
    """d² between Gaussians fitted to x (N, D) and y (M, D)."""
    return frechet_distance_from_statistics(gaussian_statistics(x), gaussian_statistics(y))


@of_two_feature_sets
def frechet_distance_with_error(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """d² and its standard error, which says how much d² varies between sets of examples on both sides. windows: those
    of y; None if its examples are independent. sample_windows: those of x.

    It is computed by the delta method, from the variance of the influence function: how d² changes when an example gets
    more weight. The influence is estimated from the same examples, whose noise adds to its variance as much again as
    the second-order part of d² has; so that part is subtracted once. The error does not include the bias.
    """
    return frechet_estimate(x, y, gaussian_statistics(x), gaussian_statistics(y), windows, sample_windows)


def frechet_estimate(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "m dim"],
    a: GaussianStatistics,
    b: GaussianStatistics,
    windows: Windows | None = None,
    sample_windows: Windows | None = None,
) -> Estimate:
    """`frechet_distance_with_error` for features x and y whose statistics a and b are known.

    The derivative of d² with respect to Σ1 is 1 - T with T = R2ᵀ (Mᵀ M)^-½ R2, the optimal map from the first Gaussian
    to the second. So an example x changes d² by 2 (μ1 - μ2)·c + |c|² - c·T c and a constant, with c = x - μ1.
    """
    product = _product_of_roots(a.root, b.root)
    if min(product.shape) == 0:
        return Estimate(frechet_distance_from_statistics(a, b), product.new_full((), torch.nan))
    left, singular_values, right = _singular_vectors(product)
    value = _distance(a, b, _checked_sum(singular_values, lambda: product))
    kept = singular_values > _NEGLIGIBLE * singular_values.max()
    weights = singular_values[kept].rsqrt()[:, None]
    apart = a.mean - b.mean
    to_y, to_x = weights * (right[:, kept].T @ b.root), weights * (left[:, kept].T @ a.root)
    if windows is not None or sample_windows is not None:
        return two_sided(
            value,
            _influence(x, a.mean, apart, to_y),
            _influence(y, b.mean, -apart, to_x),
            windows,
            sample_windows=sample_windows,
        )
    of_x = _influence(evenly_spaced(x, _INFLUENCE_EXAMPLES), a.mean, apart, to_y).var() / len(x)
    of_y = _influence(evenly_spaced(y, _INFLUENCE_EXAMPLES), b.mean, -apart, to_x).var() / len(y)
    second_order = _second_order_variance(singular_values, 1 / len(x) + 1 / len(y))
    total = of_x + of_y
    corrected = torch.maximum(total - second_order, torch.minimum(second_order, total / 2))
    return Estimate(value, corrected.sqrt(), (corrected * of_y / total.clamp_min(_TINY)).sqrt())


def _influence(
    x: Float[Tensor, "n dim"], mean: Tensor, apart: Tensor, to_other: Float[Tensor, "rank dim"]
) -> Float[Tensor, " n"]:
    """The influence of each example x. to_otherᵀ to_other is T."""
    deviations = x.double() - mean
    influence: Tensor = (
        2 * deviations @ apart + deviations.square().sum(1) - (deviations @ to_other.T).square().sum(1)
    )
    return influence


def _second_order_variance(spectrum: Float[Tensor, " rank"], scale: float) -> Float[Tensor, ""]:
    """The variance of d² between two sets from one Gaussian, whose covariance has the eigenvalues λ.

    Then d² = |Δμ|² + ½ Σ_ij ΔΣ_ij² / (λ_i + λ_j) up to third order, and its terms are independent, with
    var Δμ_i = λ_i s and var ΔΣ_ij = λ_i λ_j (1 + δ_ij) s. scale: s = 1/N + 1/M.
    """
    squares = spectrum.square()
    pairs = (spectrum[:, None] * spectrum / (spectrum[:, None] + spectrum).clamp_min(_TINY)).square()
    off_diagonal = pairs.sum() - pairs.diagonal().sum()
    return scale**2 * (2 * squares.sum() + off_diagonal + squares.sum() / 2)


def _smaller_gram(matrix: Float[Tensor, "rows cols"]) -> Float[Tensor, "least least"]:
    rows, columns = matrix.shape
    gram = matrix.new_zeros(min(rows, columns), min(rows, columns))
    _add_gram(gram, matrix.T if rows <= columns else matrix)
    return _mirrored(gram)


def _checked_sum(
    singular_values: Float[Tensor, " least"],
    matrix: Callable[[], Float[Tensor, "rows cols"]],
    largest: Float[Tensor, ""] | float = 0.0,
) -> Float[Tensor, ""]:
    """The sum of the singular values of M, which were computed as roots of the eigenvalues of M Mᵀ: six times faster.

    Squaring makes the small ones less accurate: an error δ of an eigenvalue is an error δ/σ of its root σ, at most √δ.
    Where these errors add up to more than the tolerance, as for a singular M, svdvals computes the values. matrix: M.
    largest: the product of the norms of the matrices that M Mᵀ was computed from, if that is more than its own norm.
    """
    scale = singular_values.max().square().clamp_min(largest)
    rounding = len(singular_values) ** 0.5 * torch.finfo(torch.float64).eps * scale
    error = torch.minimum(rounding / singular_values, rounding.sqrt()).nan_to_num_(0.0).sum()
    if error > _TOLERANCE * singular_values.sum():
        singular_values = torch.linalg.svdvals(matrix())
    return singular_values.sum()


def _singular_vectors(matrix: Float[Tensor, "rows cols"]) -> tuple[Tensor, Tensor, Tensor]:
    """(U, σ, V) with M = U diag(σ) Vᵀ, from the eigenvectors of the smaller of M Mᵀ and Mᵀ M. Vectors of the smallest
    σ are inaccurate."""
    rows, columns = matrix.shape
    eigenvalues, vectors = torch.linalg.eigh(_smaller_gram(matrix))
    singular_values = eigenvalues.clamp_min_(0.0).sqrt()
    others = (matrix.T if rows <= columns else matrix) @ vectors / singular_values
    return (vectors, singular_values, others) if rows <= columns else (others, singular_values, vectors)


def score_frechet(inputs: ScoringInputs) -> list[MetricValue]:
    """The metric `frechet_distance`."""
    if (obstacle := feature_obstacle(inputs, needed=2)) is not None:
        return without_value(["frechet_distance"], inputs, obstacle)
    found = frechet_distance_with_error(
        inputs.sample_features, inputs.reference_features, inputs.reference_windows, inputs.sample_windows
    )
    return [estimated_value("frechet_distance", inputs, found)]
