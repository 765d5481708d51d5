"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from _pytest.mark import ParameterSet
from small_models import small

from genbench.cards import ModelCard
from genbench.plugin_manager import load_registry
from genbench.testing.contract import CONTRACT_CHECKS, Case, contract_cases

# What is said of these is also said by others: of the modality with another domain, of the domain with another
# modality. `make test-slow` has them all.
_SAID_BY_OTHERS = ("tiny-points-5-levels", "tiny-series-2-levels", "tiny-pianoroll-5-levels")

# Of these domains the checks below say what they say of another domain of the same modality: the values of the
# data do not come into it. They run where a model takes no other, and in `make test-slow`.
_SECOND_DOMAINS = (
    "tiny-image-2-levels",
    "tiny-image-100-levels",
    "tiny-image-real",
    "tiny-points-2-levels",
    "tiny-series-5-levels",
    "tiny-tokens-5-levels",
)
_BLIND_TO_THE_DOMAIN = (
    "training_is_repeatable",
    "training_stops_at_the_budget",
    "fit_leaves_the_data_alone",
    "few_examples_do_no_harm",
    "one_class_does_no_harm",
    "the_smallest_shape_is_taken_or_refused",
    "samples_follow_the_generator",
    "sampling_steps_are_taken",
    "sampling_leaves_global_chance_alone",
    "sampling_leaves_the_model_alone",
    "state_dict_holds_the_model",
    "decode_is_differentiable",
    "log_prob_depends_on_the_example_alone",
    "log_weights_depend_on_the_example_alone",
    "log_density_depends_on_the_example_alone",
    "elbo_depends_on_the_example_alone",
)


# The VAE with another weight in its loss: it says in full what the VAE says of one kind of data.
_VARIANTS = {"beta-vae": "tiny-image-5-levels"}


def _is_slow(case: Case, said_in_full: set[str]) -> bool:
    """said_in_full: the modalities that the model takes in a domain of which every check is made."""
    spec = case.subject.spec
    if spec.name != _VARIANTS.get(case.subject.card.name, spec.name) or spec.name in _SAID_BY_OTHERS:
        return True
    blind = case.check.name in _BLIND_TO_THE_DOMAIN
    return blind and spec.name in _SECOND_DOMAINS and spec.modality in said_in_full


def _cases(card: ModelCard) -> Iterator[ParameterSet]:
    cases = contract_cases(card, hyperparameters=small(card))
    specs = {case.subject.spec for case in cases}
    said_in_full = {spec.modality for spec in specs if spec.name not in (*_SAID_BY_OTHERS, *_SECOND_DOMAINS)}
    for case in cases:
        slow = _is_slow(case, said_in_full)
        yield pytest.param(case, id=str(case), marks=pytest.mark.slow if slow else ())


_CASES = [parameter for card in load_registry().models.values() for parameter in _cases(card)]


def test_the_checks_that_are_named_here_exist() -> None:
    assert set(_BLIND_TO_THE_DOMAIN) <= {check.name for check in CONTRACT_CHECKS}
    assert {*_SAID_BY_OTHERS, *_SECOND_DOMAINS} <= {
        parameter.values[0].subject.spec.name for parameter in _CASES
    }


@pytest.mark.parametrize("case", _CASES)
def test_contract(case: Case) -> None:
    case.run()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Tiny models only lose by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_families_that_are_compared_are_there() -> None:
    families = {card.family for card in load_registry().models.values()}
    assert {"gan", "vae", "autoregressive", "baseline"} <= families
