"""Standard errors against the spread over sets drawn anew: never much too small, at most somewhat too large."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from slow_cases import slow_beyond
from torch import Tensor

from genbench.metrics.divergences import js_divergence, kl_divergence
from genbench.metrics.frechet import frechet_distance_with_error
from genbench.metrics.frechet_infinity import frechet_infinity
from genbench.metrics.neighbours import precision_recall_density_coverage
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.numerics.grams import share_known, total_variation
from genbench.metrics.series import autocorrelation_difference_with_error, marginal_difference_with_error
from genbench.metrics.series.spectrum_and_tails import spectrum_difference, tail_difference
from genbench.metrics.sliced_wasserstein import sliced_wasserstein_with_error
from genbench.metrics.text.ngrams import ngram_js_divergence, ngrams
from genbench.metrics.truth import assign_to_modes, modes_covered, modes_covered_stderr
from genbench.metrics.two_sample import classifier_accuracy, nearest_neighbour_accuracy
from genbench.metrics.vendi import vendi_score, vendi_score_gaussian
from genbench.metrics.wasserstein import wasserstein_distance

DRAWS = 60
TRUTH = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(99))


def normal(generator: torch.Generator, *shape: int, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    return torch.randn(*shape, generator=generator) * scale + shift


def symbols(generator: torch.Generator, count: int, scale: float, shift: float) -> Tensor:
    """Sequences of 20 symbols, alike within a sequence: (count, 20)."""
    values = normal(generator, count, 1, scale=scale, shift=shift) + normal(generator, count, 20)
    return values.round().long().clamp(-4, 4) + 4


def log_prob(x: Tensor) -> Tensor:
    return torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)


def fixed() -> torch.Generator:
    return torch.Generator().manual_seed(0)


Metric = Callable[[torch.Generator, float, float], Estimate]
TWO_SETS: dict[str, Metric] = {
    "Fréchet": lambda g, scale, shift: frechet_distance_with_error(
        normal(g, 300, 16, scale=scale, shift=shift), normal(g, 300, 16)
    ),
    "Fréchet, fewer examples than dimensions": lambda g, scale, shift: frechet_distance_with_error(
        normal(g, 60, 80, scale=scale, shift=shift), normal(g, 60, 80)
    ),
    "Fréchet at infinity": lambda g, scale, shift: frechet_infinity(
        normal(g, 300, 16, scale=scale, shift=shift), normal(g, 300, 16), fixed()
    ),
    "sliced Wasserstein": lambda g, scale, shift: sliced_wasserstein_with_error(
        normal(g, 200, 2, scale=scale, shift=shift), normal(g, 150, 2), fixed(), 50
    ),
    "Wasserstein": lambda g, scale, shift: wasserstein_distance(
        normal(g, 150, 2, scale=scale, shift=shift), normal(g, 150, 2)
    ),
    "Wasserstein, squared costs": lambda g, scale, shift: wasserstein_distance(
        normal(g, 150, 2, scale=scale, shift=shift), normal(g, 150, 2), 2
    ),
    "nearest neighbour": lambda g, scale, shift: nearest_neighbour_accuracy(
        normal(g, 300, 2, scale=scale, shift=shift), normal(g, 300, 2)
    ),
    "classifier": lambda g, scale, shift: classifier_accuracy(
        normal(g, 200, 4, scale=scale, shift=shift), normal(g, 200, 4), g
    ),
    "marginals of series": lambda g, scale, shift: marginal_difference_with_error(
        normal(g, 100, 1, 2, scale=scale, shift=shift) + normal(g, 100, 12, 2),
        normal(g, 100, 1, 2) + normal(g, 100, 12, 2),
        torch.ones(2),
    ),
    "autocorrelations of series": lambda g, scale, shift: autocorrelation_difference_with_error(
        normal(g, 100, 1, 2, scale=scale, shift=shift) + normal(g, 100, 12, 2),
        normal(g, 100, 1, 2) + normal(g, 100, 12, 2),
    ),
    "spectra of series": lambda g, scale, shift: spectrum_difference(
        normal(g, 100, 12, 2, scale=scale, shift=shift).double(), normal(g, 100, 12, 2).double()
    ),
    "tails of series": lambda g, scale, shift: tail_difference(
        normal(g, 100, 12, 2, scale=scale, shift=shift), normal(g, 100, 12, 2), torch.ones(2)
    ),
    "n-grams": lambda g, scale, shift: ngram_js_divergence(
        symbols(g, 100, scale, shift), symbols(g, 100, 1.0, 0.0)
    ),
    "known n-grams": lambda g, scale, shift: share_known(
        *ngrams(symbols(g, 100, scale, shift), symbols(g, 100, 1.0, 0.0), 4)[-1]
    ),
    "total variation": lambda g, scale, shift: total_variation(
        *ngrams(symbols(g, 100, scale, shift), symbols(g, 100, 1.0, 0.0), 2)[-1]
    ),
    "KL from the truth": lambda g, scale, shift: (lambda x: kl_divergence(x, log_prob(x)))(
        normal(g, 300, 2, scale=scale, shift=shift)
    ),
    "JS from the truth": lambda g, scale, shift: js_divergence(
        normal(g, 300, 2, scale=scale, shift=shift), TRUTH
    ),
    "Vendi": lambda g, scale, shift: vendi_score(normal(g, 300, 5, scale=scale, shift=shift)),
    "Vendi, Gaussian kernel": lambda g, scale, shift: vendi_score_gaussian(
        normal(g, 200, 2, scale=scale, shift=shift), 1.5
    ),
}

SLOW = ("classifier", "Fréchet at infinity")
"""A tenth of a second per draw."""


def claimed_and_spread(metric: Metric, scale: float, shift: float) -> tuple[float, float]:
    found = [metric(torch.Generator().manual_seed(seed), scale, shift) for seed in range(DRAWS)]
    spread = torch.stack([estimate.value for estimate in found]).std()
    claimed = torch.stack([estimate.stderr for estimate in found]).square().mean().sqrt()
    return float(claimed), float(spread)


@pytest.mark.parametrize("name", slow_beyond([name for name in TWO_SETS if name not in SLOW], TWO_SETS))
def test_where_the_sets_differ(name: str) -> None:
    """Sixty draws know the spread to a tenth (one standard error)."""
    claimed, spread = claimed_and_spread(TWO_SETS[name], 1.5, 0.5)
    assert 0.75 < claimed / spread < 1.45


@pytest.mark.parametrize("name", slow_beyond([name for name in TWO_SETS if name not in SLOW], TWO_SETS))
def test_where_the_sets_are_alike(name: str) -> None:
    """The derivative vanishes, and what is left is the noise that the bias comes from."""
    claimed, spread = claimed_and_spread(TWO_SETS[name], 1.0, 0.0)
    assert 0.65 < claimed / spread < 2.0


@pytest.mark.parametrize(
    ("dim", "scale"), [(2, 0.6), (8, 1.0), (8, 1.3)], ids=["collapsed", "alike", "spread out"]
)
@pytest.mark.parametrize(
    "of_reference",
    [False, pytest.param(True, marks=pytest.mark.slow)],
    ids=["given the reference", "other references too"],
)
def test_neighbourhoods(dim: int, scale: float, *, of_reference: bool) -> None:
    runs = []
    for seed in range(1, 121):
        generator = torch.Generator().manual_seed(seed)
        reference = normal(generator if of_reference else fixed(), 200, dim)
        runs.append(precision_recall_density_coverage(normal(generator, 200, dim, scale=scale), reference))
    for name in ("precision", "recall", "density", "coverage"):
        values = torch.stack([getattr(run, name) for run in runs])
        if 0.03 < float(values.mean()) < 0.97 or name == "density":
            total, of_test = (
                torch.stack([getattr(run, f"{name}_{part}") for run in runs]).square().mean()
                for part in ("stderr", "test_stderr")
            )
            claimed = (total if of_reference else total - of_test).sqrt()
            assert 0.75 < float(claimed / values.std()) < 1.9, name


def test_modes_covered_is_the_bootstraps() -> None:
    """Against resampling itself: modes seen once, twice, often; some samples of no mode."""
    modes = torch.arange(12.0)[:, None] * 10
    counts = [1, 1, 1, 2, 2, 3, 5, 30]
    samples = torch.cat([modes[mode].repeat(count, 1) for mode, count in enumerate(counts)] + [modes[:5] + 5])
    assignment = assign_to_modes(samples, modes, 1.0)
    generator = fixed()
    resampled = torch.tensor(
        [
            modes_covered(assign_to_modes(samples[torch.randint(50, (50,), generator=generator)], modes, 1.0))
            for _ in range(2000)
        ],
        dtype=torch.float64,
    )
    assert modes_covered(assignment) == 8
    assert modes_covered_stderr(assignment) == pytest.approx(float(resampled.std()), rel=0.05)
    assert modes_covered_stderr(assign_to_modes(modes.repeat(200, 1), modes, 1.0)) < 1e-6
    assert modes_covered_stderr(assign_to_modes(modes + 5, modes, 1.0)) == 0.0
