"""No model's reported likelihood beats a known truth by more than its error.

After a few steps, on one set for each model; after some seconds, at full size, and on all sets with a known truth,
among the slow tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import pytest
import torch
from _pytest.mark import ParameterSet
from small_models import small

from genbench import ComputeMeter, Dataset, GenerativeModel
from genbench.api.budget import Budget
from genbench.api.cards import DatasetCard, Hyperparameter, ModelCard, load_factory
from genbench.datasets.prepared import load_dataset
from genbench.likelihood.audit.check_truth import check_not_better_than_truth
from genbench.likelihood.audit.likelihood_values import LikelihoodValues
from genbench.likelihood.estimates import estimate_likelihood
from genbench.plugin.discovery import load_registry

_QUICK_DATASETS = ("two-moons", "ar2", "hmm-language", "invented-language")
# Those that closed forms, or EM, bring near to the truth in no time, where a wrong likelihood shows.
_QUICK_EVERYWHERE = ("ar", "kneser-ney", "witten-bell", "note-markov", "gaussian-mixture")
_BY_THEMSELVES = {"log_prob", "log_density", "log_weights", "elbo"}
_BOUND_DRAWS = 24
_IMPORTANCE_SAMPLES = 1  # per example: a bound from one sample is a bound
_MAX_ERRORS = 4.0
_TRAIN, _TEST = 1000, 250


@cache
def _dataset(name: str) -> Dataset:
    return load_dataset(load_registry().dataset(name))


@cache
def _fresh(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws of the truth, and their log-likelihoods under it, nats."""
    truth = _dataset(name).truth
    assert truth is not None
    x = truth.sample(_TEST, torch.Generator().manual_seed(99))
    return x, truth.log_prob(x).double()


def _pairs() -> Iterator[tuple[ModelCard, DatasetCard]]:
    registry = load_registry()
    for model in registry.models.values():
        if _BY_THEMSELVES.isdisjoint(model.capabilities):
            continue
        for dataset in registry.datasets.values():
            if dataset.embedded and dataset.truth is not None and model.refusal(dataset.spec) is None:
                yield model, dataset


def _quick() -> Iterator[ParameterSet]:
    seen: set[str] = set()
    for model, dataset in _pairs():
        everywhere = model.name in _QUICK_EVERYWHERE
        first = dataset.name in _QUICK_DATASETS and model.name not in seen
        if everywhere or first:
            seen.add(model.name)
            yield pytest.param(model, dataset, id=f"{model.name}-{dataset.name}")


def gap(
    model: ModelCard,
    dataset: DatasetCard,
    budget: str,
    hyperparameters: dict[str, Hyperparameter],
    train: int | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the trained model says of fresh draws of the truth, and what the truth says; nats."""
    data = _dataset(dataset.name)
    torch.manual_seed(0)
    built: GenerativeModel = load_factory(model.factory)(dataset.spec, **hyperparameters)
    examples = data.train if train is None else data.train.random_subset(train, seed=0)
    meter = ComputeMeter(Budget.parse(budget), valid=data.valid.random_subset(_TRAIN, seed=0))
    built.fit(examples, meter)
    x, truth = _fresh(dataset.name)
    values = LikelihoodValues.of(built.eval(), k=_BOUND_DRAWS)
    if values.method == "elbo":  # random: its exponential is a bound only after its errors are taken off
        return values.log_prob(x), truth
    estimates = estimate_likelihood(built, dataset.spec, x, k=_IMPORTANCE_SAMPLES)
    return estimates[0].log_prob.double(), truth


def require_no_better(reported: torch.Tensor, truth: torch.Tensor) -> None:
    """On average, and by the mean of p(x) / truth(x), which is at most 1."""
    gain = reported - truth
    assert gain.mean() <= _MAX_ERRORS * gain.std() / math.sqrt(len(gain)), f"{gain.mean():.3f} nats better"
    assert check_not_better_than_truth(reported, truth).passed


@pytest.mark.parametrize(("model", "dataset"), list(_quick()))
def test_no_likelihood_beats_the_truth(model: ModelCard, dataset: DatasetCard) -> None:
    require_no_better(*gap(model, dataset, "3steps", small(model), _TRAIN))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "dataset"), list(_pairs()), ids=[f"{model.name}-{dataset.name}" for model, dataset in _pairs()]
)
def test_no_trained_likelihood_beats_the_truth(model: ModelCard, dataset: DatasetCard) -> None:
    require_no_better(*gap(model, dataset, "5cpu-s", {}, None))


def test_a_likelihood_that_is_half_a_nat_too_high_is_found() -> None:
    registry = load_registry()
    reported, truth = gap(registry.model("ar"), registry.dataset("ar2"), "1steps", {}, None)
    require_no_better(reported, truth)
    assert truth.mean() - reported.mean() < 0.1  # near enough for that
    with pytest.raises(AssertionError, match="nats better"):
        require_no_better(reported + 0.5, truth)


def test_models_that_contain_the_truth_come_near_to_it() -> None:
    registry = load_registry()
    for model, dataset, most in (
        ("ar", "ar2", 0.1),
        ("hmm", "hmm-language", 1.0),
        ("kneser-ney", "hmm-language", 1.5),
    ):
        reported, truth = gap(registry.model(model), registry.dataset(dataset), "40steps", {}, None)
        assert truth.mean() - reported.mean() < most
