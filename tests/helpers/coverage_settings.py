"""How often nominal 95 % intervals cover: figures of known distributions, drawn again and again.

    PYTHONPATH=tests/helpers python tests/helpers/coverage_settings.py [--draws 400] [NAME ...]

prints the table of docs/statistics.md. Standard errors do not include the bias, which all models share at equal N, so
that an interval covers where it holds the mean over all draws. All random numbers have a fixed seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from scipy.signal import lfilter
from torch import Generator, Tensor

from genbench.api.spec import DataSpec
from genbench.likelihood.estimates import LikelihoodEstimate, likelihood_metrics
from genbench.metrics.conditional.class_balance import class_balance
from genbench.metrics.divergences import TRUTH_DRAWS, js_divergence, kl_divergence
from genbench.metrics.frechet import frechet_distance_with_error
from genbench.metrics.frechet_infinity import frechet_infinity
from genbench.metrics.kernel import kernel_distance
from genbench.metrics.memorisation.near_duplicates import near_duplicates_from_closeness
from genbench.metrics.neighbours import precision_recall_density_coverage
from genbench.metrics.numerics.feature_arrays import Estimate
from genbench.metrics.series import autocorrelation_difference_with_error, marginal_difference_with_error
from genbench.metrics.sliced_wasserstein import sliced_wasserstein_with_error
from genbench.metrics.two_sample import classifier_accuracy, nearest_neighbour_accuracy
from genbench.metrics.vendi import vendi_score
from genbench.metrics.wasserstein import wasserstein_distance
from genbench.records import likelihood_kinds as kinds
from genbench.util.mean_errors import MIN_HITS, NORMAL_QUANTILE, Windows, mean_error, share_error

Draw = Callable[[Generator], Estimate]
"""One value with its standard error, from random numbers of that generator."""


@dataclass(frozen=True)
class Coverage:
    """What intervals of one setting do."""

    share: float
    """Share of the intervals that hold the mean of all draws."""
    over_spread: float
    """The root mean square of the standard errors, over the standard deviation of the values."""
    rough: float
    """Share of the errors that call themselves rough."""


def coverage(draw: Draw, draws: int) -> Coverage:
    """Intervals of value ± 1.96 standard errors, in `draws` draws."""
    found = [draw(Generator().manual_seed(seed)) for seed in range(draws)]
    values = torch.stack([torch.as_tensor(each.value, dtype=torch.float64) for each in found])
    errors = torch.stack([torch.as_tensor(each.stderr, dtype=torch.float64) for each in found])
    covers = (values - values.mean()).abs() <= NORMAL_QUANTILE * errors
    return Coverage(
        float(covers.double().mean()),
        float(errors.square().mean().sqrt() / values.std()),
        sum(each.is_rough for each in found) / draws,
    )


# ---- series: an autoregression, and windows of it


@dataclass(frozen=True)
class Series:
    """Blocks of an autoregression of standard normal innovations, cut into all windows."""

    coefficients: tuple[float, ...]
    """Coefficients of the earlier values, that of the latest value first."""
    blocks: tuple[tuple[int, int], ...]
    """First time step of each block, and the one after its last."""
    length: int
    """Length of a window."""

    @property
    def windows(self) -> Windows:
        starts = [torch.arange(begin, end - self.length + 1) for begin, end in self.blocks]
        return Windows(torch.cat(starts), self.length)

    def draw(self, generator: Generator) -> Tensor:
        """(N, length) windows."""
        x = self.path(self.blocks[-1][1], generator)
        return torch.cat([x[begin:end].unfold(0, self.length, 1) for begin, end in self.blocks])

    def path(self, steps: int, generator: Generator) -> Tensor:
        noise = torch.randn(steps + 200, generator=generator, dtype=torch.float64)
        filtered = lfilter([1.0], [1.0, *(-each for each in self.coefficients)], noise.numpy())
        return torch.from_numpy(filtered)[200:]

    def independent(self, count: int, generator: Generator) -> Tensor:
        """(count, length): windows of as many series as a model of the truth would draw."""
        return torch.stack([self.path(self.length, generator) for _ in range(count)])


SUNSPOTS = Series((1.39, -0.69), ((0, 62),), 16)
"""47 windows that overlap."""
MONTHS = Series((0.9,), ((0, 146),), 24)
"""123 windows that overlap."""
ERAS = Series((0.9,), ((240, 312), (576, 648)), 24)
"""98 windows of two eras, as those of elnino."""


@cache
def spread(series: Series) -> float:
    return float(series.path(200_000, Generator().manual_seed(0)).std())


def nll_of_truth(series: Series, x: Tensor) -> Tensor:
    """(N,): nats up to a constant. The first values of a window, whose density is that of the stationary series, count
    as marginals."""
    order = len(series.coefficients)
    expected = sum(c * x[:, order - 1 - i : -1 - i] for i, c in enumerate(series.coefficients))
    return (x[:, order:] - expected).square().sum(1) / 2 + nll_of_marginals(series, x[:, :order])


def nll_of_marginals(series: Series, x: Tensor) -> Tensor:
    return (x / spread(series)).square().sum(1) / 2


def nll_of_a_walk(series: Series, x: Tensor) -> Tensor:
    return x.diff(dim=1).square().sum(1) / 2


def likelihood(series: Series, model: Callable[[Series, Tensor], Tensor], generator: Generator) -> Estimate:
    """The negative log-likelihood as it is recorded."""
    return _recorded(-model(series, series.draw(generator)), series.windows)


def _recorded(log_prob: Tensor, windows: Windows | None = None) -> Estimate:
    spec = DataSpec(name="any", modality="points", event_shape=(1,))
    (found,) = likelihood_metrics([LikelihoodEstimate(log_prob, kinds.EXACT)], spec, windows=windows)
    assert found.value is not None
    assert found.stderr is not None
    value, stderr = torch.tensor([found.value, found.stderr], dtype=torch.float64)
    return Estimate(value, stderr, is_rough=found.is_rough)


def pieces(generator: Generator) -> Estimate:
    """260 windows of music in 76 pieces of 1 to 6 windows; half of the variance is the piece's."""
    counts = torch.randint(1, 7, (76,), generator=generator)
    of_piece = torch.randn(76, generator=generator).repeat_interleave(counts)
    number = torch.arange(76).repeat_interleave(counts)
    starts = (torch.arange(len(number)) + 4 * number) * 16
    return _recorded(of_piece + torch.randn(len(number), generator=generator), Windows(starts, 16))


def text(generator: Generator) -> Estimate:
    """217 windows of text side by side, whose scenes last for several windows."""
    scenes = Series((0.7,), ((0, 217),), 1).path(217, generator)
    x = scenes + 2 * torch.randn(217, generator=generator)
    return _recorded(x, Windows(torch.arange(0, 217 * 256, 256), 256))


# ---- features


def features(
    generator: Generator, count: int, dim: int, shift: float = 0.0, *, skewed: bool = False
) -> Tensor:
    """Features whose variances fall as 1, 1/2, 1/3, ..., as those of networks do; skewed as those of a ReLU are."""
    z = torch.randn(count, dim, generator=generator, dtype=torch.float64)
    if skewed:
        z = torch.relu(z + 0.3) * 1.3
    z = z * torch.arange(1, dim + 1).double().rsqrt()
    z[:, 0] += shift
    return z


TwoSets = Callable[[Tensor, Tensor], Estimate]


def two_sets(
    metric: TwoSets, count: int, dim: int, shift: float, generator: Generator, *, skewed: bool = False
) -> Estimate:
    return metric(
        features(generator, count, dim, shift, skewed=skewed), features(generator, count, dim, skewed=skewed)
    )


def two_series(
    metric: Callable[[Tensor, Tensor, Windows], Estimate], generator: Generator, *, marginals: bool = False
) -> Estimate:
    """Samples of a model that is the truth, or of its marginals, against the windows of two eras."""
    real = ERAS.draw(generator)
    drawn = ERAS.independent(len(real), generator)
    if marginals:
        drawn = torch.randn(drawn.shape, generator=generator, dtype=torch.float64) * spread(ERAS)
    return metric(drawn, real, ERAS.windows)


def fixed() -> Generator:
    return Generator().manual_seed(0)


@cache
def truth_draws() -> Tensor:
    return torch.randn(TRUTH_DRAWS, 2, generator=Generator().manual_seed(99))


def js(count: int, shift: float, generator: Generator) -> Estimate:
    return js_divergence(torch.randn(count, 2, generator=generator) + shift, truth_draws())


def kl(count: int, generator: Generator) -> Estimate:
    x = torch.randn(count, 2, generator=generator)
    found = kl_divergence(x, torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1))
    return found._replace(is_rough=True)


def neighbourhood(
    name: str, count: int, dim: int, scale: float, generator: Generator, edge: float = 0.05
) -> Estimate:
    x, y = torch.randn(2, count, dim, generator=generator)
    found = precision_recall_density_coverage(x * scale, y)
    value = getattr(found, name)
    rough = min(float(value), 1 - float(value)) < edge or name == "density"
    return Estimate(value, getattr(found, f"{name}_stderr"), is_rough=rough)


def share(probability: float, count: int, generator: Generator) -> Estimate:
    hits = float((torch.rand(count, generator=generator) < probability).double().mean())
    error = share_error(hits, count)
    return Estimate(torch.tensor(hits), torch.tensor(error.stderr), is_rough=error.is_rough)


def duplicates(generator: Generator) -> Estimate:
    """One copy in ten among 1,000 samples."""
    held_out, samples = torch.rand(2, 1000, generator=generator)
    samples[torch.rand(1000, generator=generator) < 0.1] = 0.0
    found = near_duplicates_from_closeness(samples, held_out)
    return Estimate(found.value, found.stderr, is_rough=float(found.real) * 1000 < MIN_HITS)


def lognormal(sigma: float, count: int, generator: Generator) -> Estimate:
    error = mean_error(x := (torch.randn(count, generator=generator, dtype=torch.float64) * sigma).exp())
    return Estimate(x.mean(), torch.tensor(error.stderr), is_rough=error.is_rough)


def classes(generator: Generator) -> Estimate:
    ours, theirs = (
        torch.randn(360, 10, generator=generator) + torch.linspace(0, tilt, 10) for tilt in (1.5, 0.5)
    )
    return class_balance(ours, theirs, generator)


def _frechet(x: Tensor, y: Tensor, windows: Windows) -> Estimate:
    return frechet_distance_with_error(x, y, windows)


def _sliced(x: Tensor, y: Tensor, windows: Windows | None = None) -> Estimate:
    return sliced_wasserstein_with_error(x, y, fixed(), 64, windows)


def _autocorrelation(x: Tensor, y: Tensor, windows: Windows) -> Estimate:
    return autocorrelation_difference_with_error(x[..., None], y[..., None], windows)


def _marginals(x: Tensor, y: Tensor, windows: Windows) -> Estimate:
    return marginal_difference_with_error(x[..., None], y[..., None], torch.ones(1), windows)


QUICK: dict[str, Draw] = {
    "likelihood, AR(2), 47 windows of 16, the truth": partial(likelihood, SUNSPOTS, nll_of_truth),
    "likelihood, AR(2), 47 windows of 16, marginals": partial(likelihood, SUNSPOTS, nll_of_marginals),
    "likelihood, AR(1) 0.9, 123 windows of 24, the truth": partial(likelihood, MONTHS, nll_of_truth),
    "likelihood, AR(1) 0.9, 123 windows of 24, marginals": partial(likelihood, MONTHS, nll_of_marginals),
    "Fréchet distance, 360 x 64, alike": partial(two_sets, frechet_distance_with_error, 360, 64, 0.0),
    "Fréchet distance, 1,000 x 64, apart": partial(two_sets, frechet_distance_with_error, 1000, 64, 0.3),
    "share of 0.989 of 1,000": partial(share, 0.989, 1000),
}
"""Settings that every test run looks at."""

SETTINGS: dict[str, Draw] = {
    **QUICK,
    "JS divergence, 10,000 points, alike": partial(js, 10_000, 0.0),
    "likelihood, AR(2), 47 windows of 16, random walk": partial(likelihood, SUNSPOTS, nll_of_a_walk),
    "likelihood, AR(1) 0.9, 123 windows of 24, random walk": partial(likelihood, MONTHS, nll_of_a_walk),
    "likelihood, AR(1) 0.9, 98 windows of two eras, the truth": partial(likelihood, ERAS, nll_of_truth),
    "likelihood, AR(1) 0.9, 98 windows of two eras, marginals": partial(likelihood, ERAS, nll_of_marginals),
    "likelihood, 260 windows of 76 pieces": pieces,
    "likelihood, 217 windows of a text": text,
    "likelihood, 16 examples (AIS)": lambda g: _recorded(torch.randn(16, generator=g)),
    "likelihood, 360 examples, log-normal of σ 0.5": partial(lognormal, 0.5, 360),
    "likelihood, 360 examples, log-normal of σ 1": partial(lognormal, 1.0, 360),
    "likelihood, 360 examples, log-normal of σ 2": partial(lognormal, 2.0, 360),
    "Fréchet distance, 360 x 64, apart": partial(two_sets, frechet_distance_with_error, 360, 64, 0.3),
    "Fréchet distance, 360 x 64, skewed, alike": partial(
        two_sets, frechet_distance_with_error, 360, 64, 0.0, skewed=True
    ),
    "Fréchet distance, 360 x 64, skewed, apart": partial(
        two_sets, frechet_distance_with_error, 360, 64, 0.3, skewed=True
    ),
    "Fréchet distance, 1,000 x 64, alike": partial(two_sets, frechet_distance_with_error, 1000, 64, 0.0),
    "Fréchet distance, 1,000 x 64, skewed, apart": partial(
        two_sets, frechet_distance_with_error, 1000, 64, 0.3, skewed=True
    ),
    "Fréchet distance, two eras, the truth": partial(two_series, _frechet),
    "Fréchet distance, two eras, marginals": partial(two_series, _frechet, marginals=True),
    "Fréchet distance at infinity, 360 x 16, apart": partial(
        two_sets, lambda x, y: frechet_infinity(x, y, fixed()), 360, 16, 0.3
    ),
    "kernel distance, 360 x 16, alike": partial(two_sets, kernel_distance, 360, 16, 0.0),
    "kernel distance, 360 x 16, apart": partial(two_sets, kernel_distance, 360, 16, 0.5),
    "sliced Wasserstein, 1,000 x 2, alike": partial(two_sets, _sliced, 1000, 2, 0.0),
    "sliced Wasserstein, 1,000 x 2, apart": partial(two_sets, _sliced, 1000, 2, 0.3),
    "sliced Wasserstein, two eras, the truth": partial(two_series, _sliced),
    "Wasserstein, 300 x 2, alike": partial(two_sets, wasserstein_distance, 300, 2, 0.0),
    "Wasserstein, 300 x 2, apart": partial(two_sets, wasserstein_distance, 300, 2, 0.5),
    "JS divergence, 10,000 points, apart": partial(js, 10_000, 0.3),
    "JS divergence, 1,000 points, alike": partial(js, 1000, 0.0),
    "KL divergence, 1,000 points": partial(kl, 1000),
    "autocorrelation difference, two eras, the truth": partial(two_series, _autocorrelation),
    "autocorrelation difference, two eras, marginals": partial(two_series, _autocorrelation, marginals=True),
    "marginal difference, two eras, the truth": partial(two_series, _marginals),
    **{
        f"{name}, {count:,} x {dim}, spread {scale}": partial(neighbourhood, name, count, dim, scale)
        for count, dim, scale in ((360, 32, 1.0), (1000, 8, 1.3))
        for name in ("precision", "recall", "density", "coverage")
    },
    "nearest-neighbour accuracy, 360 x 16, apart": partial(
        two_sets, nearest_neighbour_accuracy, 360, 16, 1.0
    ),
    "classifier's accuracy, 360 x 16, alike": lambda g: classifier_accuracy(
        features(g, 360, 16), features(g, 360, 16), g
    ),
    "classifier's accuracy, 360 x 16, apart": lambda g: classifier_accuracy(
        features(g, 360, 16, 1.0), features(g, 360, 16), g
    ),
    "Vendi score, 360 x 16": lambda g: vendi_score(features(g, 360, 16, 1.0)),
    "class balance, 360 examples": classes,
    "near-duplicates, 1 of 10 copied": duplicates,
    "share of 0.5 of 360": partial(share, 0.5, 360),
    "share of 0.01 of 1,000": partial(share, 0.01, 1000),
    "share of 0.001 of 1,000": partial(share, 0.001, 1000),
    "share of 0 of 1,000": partial(share, 0.0, 1000),
}
"""All settings of the table."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of nominal 95 % intervals.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="beginnings of names of settings; all if none"
    )
    parser.add_argument("--draws", type=int, default=400)
    arguments = parser.parse_args()
    print("| figure and setting | covered | error over spread | rough |")
    print("|---|---|---|---|")
    for name, draw in SETTINGS.items():
        if not arguments.names or any(name.startswith(each) for each in arguments.names):
            found = coverage(draw, arguments.draws)
            print(f"| {name} | {found.share:.1%} | {found.over_spread:.2f} | {found.rough:.0%} |", flush=True)


if __name__ == "__main__":
    main()
