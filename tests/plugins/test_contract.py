"""The contract suite over every model that is announced, on every modality and domain that it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from _pytest.mark import ParameterSet
from small_models import small

from genbench.api import load_factory
from genbench.api.cards import ModelCard
from genbench.api.spec import DataSpec
from genbench.plugin.discovery import load_registry
from genbench.testing.contract import CONTRACT_CHECKS, Case, contract_cases
from genbench.testing.tiny_data import tiny_specs

# `make test` has every check of a model on one kind of data, images where it takes them, since other networks are built
# for them. On one kind of each modality and of each domain that is left, it has the checks that depend on the data. The
# others say again what these say, and are there in `make test-slow`.
_LEVELS_IN_FULL = {"image": 5, "points": None, "series": None, "pianoroll": 2, "tokens": 2}
# Of several models with one training loop, the first is asked what is a matter of the loop.
_OF_THE_LOOP = (
    "training_is_repeatable",
    "training_stops_at_the_budget",
    "fit_leaves_the_data_alone",
    "few_examples_do_no_harm",
    "one_class_does_no_harm",
    "constant_data_do_no_harm",
)
_BLIND_TO_THE_DATA = (
    *_OF_THE_LOOP,
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
_VARIANTS = ("beta-vae",)


def _told(card: ModelCard, specs: list[DataSpec]) -> tuple[DataSpec, list[DataSpec]]:
    """The spec on which every check is made, and those on which some are."""
    by_modality = []
    for modality in dict.fromkeys(spec.modality for spec in specs):
        of_modality = [spec for spec in specs if spec.modality == modality]
        preferred = [spec for spec in of_modality if spec.levels == _LEVELS_IN_FULL[modality]]
        by_modality.append((preferred or of_modality)[0])
    full = next((spec for spec in by_modality if spec.modality == "image"), by_modality[0])
    if card.name in _VARIANTS:
        return full, []
    seen = {_domain(spec) for spec in by_modality}
    other_domains = {_domain(spec): spec for spec in reversed(specs) if _domain(spec) not in seen}
    return full, [spec for spec in by_modality if spec != full] + list(other_domains.values())


def _domain(spec: DataSpec) -> str:
    return "real" if spec.levels is None else "bits" if spec.levels == 2 else "levels"


def _cases(card: ModelCard, has_loop_of_its_own: bool) -> Iterator[ParameterSet]:
    cases = contract_cases(card, hyperparameters=small(card))
    full, in_part = _told(card, list(dict.fromkeys(case.subject.spec for case in cases)))
    for case in cases:
        spec, blind = case.subject.spec, case.check.name in _BLIND_TO_THE_DATA
        repeated = case.check.name in _OF_THE_LOOP and not has_loop_of_its_own
        quick = (spec == full and not repeated) or (spec in in_part and not blind)
        yield pytest.param(case, id=str(case), marks=() if quick else pytest.mark.slow)


def _all_cases() -> Iterator[ParameterSet]:
    loops: set[object] = set()
    for card in load_registry().models.values():
        loop = load_factory(card.factory).fit
        yield from _cases(card, loop not in loops)
        loops.add(loop)


_CASES = list(_all_cases())


def test_the_checks_that_are_named_here_exist() -> None:
    assert set(_BLIND_TO_THE_DATA) <= {check.name for check in CONTRACT_CHECKS}


def test_every_model_is_checked_in_every_modality_and_domain_that_it_takes() -> None:
    for card in load_registry().models.values():
        if card.name in _VARIANTS:
            continue
        specs = tiny_specs(card)
        full, in_part = _told(card, specs)
        assert {spec.modality for spec in (full, *in_part)} == {spec.modality for spec in specs}
        assert {_domain(spec) for spec in (full, *in_part)} == {_domain(spec) for spec in specs}


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
