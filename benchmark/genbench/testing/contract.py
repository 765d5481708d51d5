"""The whole contract: all checks, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from genbench.api.cards import Hyperparameter, ModelCard
from genbench.api.spec import DataSpec
from genbench.errors import GenbenchError, PluginError
from genbench.testing import (
    bound_checks,
    card_checks,
    device_checks,
    energy_checks,
    length_checks,
    likelihood_checks,
    sampling_checks,
    training_checks,
)
from genbench.testing.requirement import ContractCheck, NotApplicable
from genbench.testing.subject import Subject
from genbench.testing.tiny_data import tiny_specs

CONTRACT_CHECKS: tuple[ContractCheck, ...] = tuple(
    check
    for module in (
        card_checks,
        training_checks,
        sampling_checks,
        likelihood_checks,
        bound_checks,
        energy_checks,
        length_checks,
        device_checks,
    )
    for check in vars(module).values()
    if isinstance(check, ContractCheck)
)
"""All checks, in the order in which they are run and reported."""


@dataclass(frozen=True)
class Case:
    """One check of one subject. `str` returns a readable test id."""

    subject: Subject
    """The model and the data."""
    check: ContractCheck
    """The check."""

    def __str__(self) -> str:
        return f"{self.subject}-{self.check.name}"

    def run(self) -> None:
        """Run the check. Raises PluginError, which names the model, the data and the check, where the contract is
        broken or the model raises an exception, and NotApplicable where the check says nothing about the subject."""
        try:
            self.check.function(self.subject)
        except NotApplicable:
            raise
        except Exception as error:
            problem = (
                str(error)
                if isinstance(error, GenbenchError)
                else f"{type(error).__name__}: {error}".rstrip(": ")
            )
            raise PluginError(
                f"{self.subject.card.name} on {self.subject.spec.name}: {self.check.name}: {problem}"
            ) from error


def contract_cases(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> list[Case]:
    """All checks that apply, on data of `spec`, or on every modality and domain that the card takes.

    A subject is trained when its first check runs, and shared by the others. hyperparameters: values in place of the
    defaults, to make a large model small. Raises PluginError where the card takes no data at all.
    """
    specs = tiny_specs(card) if spec is None else [spec]
    if not specs:
        raise PluginError(f"{card.name}: the card takes no data at all")
    subjects = [Subject(card, each, hyperparameters) for each in specs]
    return [
        Case(subject, check)
        for subject in subjects
        for check in CONTRACT_CHECKS
        if check.applies_to(subject) and (check.scope == "data" or subject is subjects[0])
    ]


def check_model(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> list[str]:
    """Run the contract and return the problems, one line each; empty where there are none."""
    problems = []
    for case in contract_cases(card, spec, hyperparameters):
        try:
            case.run()
        except NotApplicable:
            continue
        except PluginError as error:
            problems.append(str(error))
    return problems


def contract_test(
    *cards: ModelCard, hyperparameters: Mapping[str, Hyperparameter] | None = None
) -> Callable[[Case], None]:
    """The contract as a pytest test. Give it a name that pytest collects: `test_contract = contract_test(...)`.

    The test ids are made of model, data and check, so that `pytest -k "my-model and log_prob"` selects some.
    """
    import pytest  # not needed to run the benchmark

    cases = [case for card in cards for case in contract_cases(card, hyperparameters=hyperparameters)]

    @pytest.mark.parametrize("case", cases, ids=str)
    def test_contract(case: Case) -> None:
        case.run()

    return test_contract
