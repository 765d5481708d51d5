"""Train on samples, test on real: the densities sum to 1, equal loops and published trees, and order what is known."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from mirror import MIRROR
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf
from slow_cases import slow_beyond
from torch import Tensor

from genbench.api.budget import Budget
from genbench.api.cards import load_factory
from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Dataset, Split, storage_dtype
from genbench.api.spec import DataSpec, Modality
from genbench.datasets.prepared import load_dataset
from genbench.features import Extractor
from genbench.metrics.sample_density import fit_sample_density
from genbench.metrics.sample_density.backoff import BackoffDensity
from genbench.metrics.sample_density.chow_liu import chow_liu_parents, tree_contexts
from genbench.metrics.sample_density.kernel_density import KernelDensity, ledoit_wolf
from genbench.metrics.scoring import ScoringInputs
from genbench.metrics.train_on_samples import score_train_on_samples, train_on_samples_log_prob
from genbench.plugin.discovery import load_registry
from genbench.records.result import MetricValue


def spec_of(modality: Modality, shape: tuple[int, ...], levels: int | None) -> DataSpec:
    return DataSpec(name="toy", modality=modality, event_shape=shape, levels=levels)


def integers(spec: DataSpec, count: int, seed: int) -> Tensor:
    """Draws of a skewed distribution, with repeats."""
    assert spec.levels is not None
    generator = torch.Generator().manual_seed(seed)
    shares = torch.rand(spec.dimension, spec.levels, generator=generator).pow(3) + 0.01
    drawn = torch.multinomial(shares, count, replacement=True, generator=generator).T
    return drawn.reshape(count, *spec.event_shape)


def whole_space(spec: DataSpec) -> Tensor:
    assert spec.levels is not None
    every = list(itertools.product(range(spec.levels), repeat=spec.dimension))
    return torch.tensor(every).view(-1, *spec.event_shape)


@pytest.mark.parametrize(
    ("modality", "shape", "levels"),
    [
        ("image", (1, 3, 4), 2),
        ("image", (1, 2, 3), 4),
        ("image", (3, 1, 2), 4),
        ("image", (1, 1, 2), 100),
        ("tokens", (6,), 4),
        ("tokens", (2,), 50),
        ("pianoroll", (3, 4), 2),
        ("series", (4, 2), 3),
        ("series", (2, 1), 60),
        ("points", (10,), 2),
        ("points", (2,), 64),
    ],
)
@pytest.mark.parametrize("count", [2, 40])
def test_probabilities_of_the_whole_space_sum_to_1(
    modality: Modality, shape: tuple[int, ...], levels: int, count: int
) -> None:
    spec = spec_of(modality, shape, levels)
    density = fit_sample_density(integers(spec, count, 0), integers(spec, 30, 1), spec)
    log_prob = density.log_prob(whole_space(spec))
    assert log_prob.isfinite().all()
    assert float(log_prob.exp().sum()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("dim", [1, 2])
def test_densities_integrate_to_1(dim: int) -> None:
    spec = spec_of("points", (dim,), None)
    x = torch.randn(60, dim, generator=torch.Generator().manual_seed(0))
    density = fit_sample_density(torch.where(x > 0, x + 2, x), x, spec)
    axis = torch.linspace(-16, 16, 3201 if dim == 1 else 641)
    grid = torch.stack(torch.meshgrid(*[axis] * dim, indexing="ij"), -1).view(-1, dim)
    step = float(axis[1] - axis[0]) ** dim
    assert float(density.log_prob(grid).exp().sum() * step) == pytest.approx(1.0, abs=1e-3)


def test_the_token_density_equals_a_loop() -> None:
    spec = spec_of("tokens", (12,), 5)
    samples, test = integers(spec, 20, 0), integers(spec, 5, 1)
    counts: Counter[tuple[tuple[int, ...], int]] = Counter()
    for row in samples.tolist():
        padded = [5, 5, 5, *row]
        for i in range(12):
            for order in range(4):
                counts[tuple(padded[i + 3 - order : i + 3]), padded[i + 3]] += 1

    def prob(context: tuple[int, ...], value: int) -> float:
        lower = prob(context[1:], value) if context else 1 / 5
        seen = [counts[context, v] for v in range(5)]
        kinds = sum(n > 0 for n in seen)
        return lower if not kinds else (seen[value] + kinds * lower) / (sum(seen) + kinds)

    for row, found in zip(
        test.tolist(), fit_sample_density(samples, samples, spec).log_prob(test), strict=True
    ):
        padded = [5, 5, 5, *row]
        fitted = math.prod(prob(tuple(padded[i : i + 3]), padded[i + 3]) for i in range(12))
        assert float(found) == pytest.approx(math.log(0.99 * fitted + 0.01 * 5.0**-12), rel=1e-9)


def test_kernel_density_equals_a_loop_and_scikit_learn() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)).double() @ torch.randn(3, 3).double()
    assert np.allclose(ledoit_wolf(x - x.mean(0)).numpy(), sklearn_ledoit_wolf(x.numpy())[0])
    density = KernelDensity(x, torch.ones(3), torch.Generator().manual_seed(0))
    scale = x.std(0, correction=0)
    shrunk = torch.tensor(sklearn_ledoit_wolf(((x - x.mean(0)) / scale).numpy())[0]) + 1e-6 * torch.eye(3)
    covariance = density.width**2 * shrunk * scale[:, None] * scale
    centres = x.mean(0) + math.sqrt(1 - density.width**2) * (x - x.mean(0))
    test = torch.randn(7, 3, generator=torch.Generator().manual_seed(1)).double()
    each = [torch.distributions.MultivariateNormal(c, covariance).log_prob(test) for c in centres]
    expected = torch.stack(each).logsumexp(0) - math.log(50)
    assert torch.allclose(density.log_prob(test), expected)


def test_the_tree_is_the_best_of_all_trees() -> None:
    """Five numbers: every tree by enumeration (Cayley: 5³ of them), its mutual information from counts."""
    chain = torch.randint(2, (400, 5), generator=torch.Generator().manual_seed(0))
    flips = torch.rand(400, 5, generator=torch.Generator().manual_seed(1)) < 0.2
    for child, parent in ((1, 3), (4, 1), (2, 3), (0, 4)):
        chain[:, child] = chain[:, parent] ^ flips[:, child]

    def information(i: int, j: int) -> float:
        table = torch.bincount(2 * chain[:, i] + chain[:, j], minlength=4).view(2, 2).double() / 400
        return float((table * (table / (table.sum(1, keepdim=True) * table.sum(0))).log()).sum())

    pairs = list(itertools.combinations(range(5), 2))
    totals = {}
    for edges in itertools.combinations(pairs, 4):
        reached = {0}
        for _ in range(4):
            reached |= {v for edge in edges if reached & set(edge) for v in edge}
        if len(reached) == 5:
            totals[edges] = sum(information(*edge) for edge in edges)
    assert len(totals) == 125
    parents = chow_liu_parents(chain, 2).tolist()
    found = tuple(sorted(tuple(sorted((i, p))) for i, p in enumerate(parents) if p >= 0))
    assert found == max(totals, key=totals.__getitem__)


@pytest.mark.parametrize(("name", "published"), [("nltcs", -6.76), ("plants", -16.53), ("dna", -87.70)])
def test_trees_have_their_published_likelihoods(
    name: str, published: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chow-Liu trees on the whole training sets, as the literature on tractable densities reports them."""
    if not (MIRROR / "binary-density").is_dir():
        pytest.skip(f"no mirror of the data sets at {MIRROR}")
    monkeypatch.setenv("GENBENCH_MIRROR", str(MIRROR))
    dataset = load_dataset(load_registry().dataset(name))
    train = dataset.train.tensor()
    density = BackoffDensity(train, 2, tree_contexts(chow_liu_parents(train, 2), 2))
    found = float(density.log_prob(dataset.test.tensor()).mean())
    assert found == pytest.approx(published, abs=0.03)


# ---- figures


def inputs(spec: DataSpec, samples: Tensor, reference: Tensor, train: Tensor) -> ScoringInputs:
    return ScoringInputs(
        spec=spec,
        samples=samples,
        reference=reference,
        train=Split(spec, train.to(storage_dtype(spec))),
        extractor=Extractor("none", "0", lambda x: x),
    )


@pytest.mark.parametrize(
    ("modality", "shape", "levels"),
    [
        ("image", (1, 4, 4), 256),
        ("image", (1, 4, 4), None),
        ("tokens", (8,), 9),
        ("pianoroll", (4, 12), 2),
        ("series", (6, 2), None),
        ("series", (6, 2), 40),
        ("points", (2,), None),
        ("points", (6,), 2),
    ],
)
def test_figures_are_finite_whatever_the_samples(
    modality: Modality, shape: tuple[int, ...], levels: int | None
) -> None:
    spec = spec_of(modality, shape, levels)
    generator = torch.Generator().manual_seed(0)
    if levels is None:
        real = torch.randn(90, *shape, generator=generator)
        extremes = [
            torch.zeros(30, *shape),
            torch.full((30, *shape), 1e6),
            real[:1].expand(30, *shape),
            real[:2],
        ]
    else:
        real = integers(spec, 90, 0)
        top = torch.full((30, *shape), levels - 1)
        extremes = [torch.zeros_like(top), top, real[:1].expand(30, *shape), real[:2]]
    good = score_train_on_samples(inputs(spec, real[30:60], real[:30], real[60:]))
    names = [figure.name for figure in good]
    bits = ["train_on_samples_bits_per_dim"] if levels else []
    assert names == ["train_on_samples_nll", *bits]
    for samples in extremes:
        figures = score_train_on_samples(inputs(spec, samples, real[:30], real[60:]))
        assert [figure.name for figure in figures] == names
        for figure in figures:
            assert figure.value is not None, figure.note
            assert figure.stderr is not None
            assert figure.note is not None
            assert "not the model's own likelihood" in figure.note
            assert ("all samples are equal" in figure.note) == bool((samples == samples[:1]).all())


def test_few_examples_and_samples_that_are_not_finite_are_a_note() -> None:
    spec = spec_of("points", (2,), None)
    real = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    broken = real.clone()
    broken[3, 1] = torch.nan
    for case, note in (
        ((real[:1], real, real), "1 samples, needs at least 2"),
        ((real, real[:0], real), "0 reference examples"),
        ((real, real, real[:1]), "1 training examples, needs at least 2"),
        ((broken, real, real), "not all finite"),
    ):
        (figure,) = score_train_on_samples(inputs(spec, *case))
        assert figure.value is None
        assert note in (figure.note or "")


def scored(dataset: Dataset, samples: Tensor, count: int) -> MetricValue:
    reference = dataset.test.random_subset(count, 1).tensor()
    return score_train_on_samples(inputs(dataset.spec, samples, reference, dataset.train.x))[-1]


@pytest.mark.parametrize("name", slow_beyond(["digits", "ring8"], ["digits", "mnist5k", "ring8"]))
def test_the_order_of_the_baselines(name: str) -> None:
    """Held-out and copier as real data, then marginals, then noise; collapse is punished."""
    registry = load_registry()
    dataset = load_dataset(registry.dataset(name))
    count = min(1000, len(dataset.test))
    found: dict[str, MetricValue] = {}
    for model in ("held-out", "copier", "marginals", "noise"):
        fitted = load_factory(registry.model(model).factory)(dataset.spec)
        fitted.fit(dataset.train, ComputeMeter(Budget.parse("1steps"), valid=dataset.valid))
        found[model] = scored(dataset, fitted.sample(count, torch.Generator().manual_seed(0)), count)
    x = dataset.valid.tensor()
    found["one example"] = scored(dataset, x[:1].expand(count, *dataset.spec.event_shape), count)
    if dataset.valid.y is not None:
        ones = x[dataset.valid.y == 1]
        found["one class"] = scored(dataset, ones.repeat(-(-count // len(ones)), 1, 1, 1)[:count], count)
    value = {model: figure.value or math.nan for model, figure in found.items()}
    stderr, real = found["held-out"].stderr, found["held-out"].real
    assert stderr is not None
    assert real is not None
    for model in ("held-out", "copier"):
        assert abs(value[model] - real) < 3 * stderr
    assert value["held-out"] + 5 * stderr < value["marginals"] < value["noise"]
    assert value["marginals"] < value["one example"]
    if "one class" in value:
        assert value["held-out"] + 5 * stderr < value["one class"] < value["one example"]


def test_the_same_samples_give_the_same_figure() -> None:
    spec = spec_of("points", (2,), None)
    x = torch.randn(700, 2, generator=torch.Generator().manual_seed(0))
    one, two = (train_on_samples_log_prob(x, x[:50], x, spec, seed=3) for _ in range(2))
    assert torch.equal(one, two)
