"""The whole contract: all checks, and how they are run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
    translation_checks,
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
        translation_checks,
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
    reported: set[str] = field(default_factory=set, compare=False, repr=False)
    """Why the model's class could not be loaded, once a case has reported it. All cases of a model share it."""

    def __str__(self) -> str:
        return f"{self.subject}-{self.check.name}"

    def run(self) -> None:
        """Run the check. Raises PluginError, which names the model, the data and the check, where the contract is
        broken or the model raises an exception, and NotApplicable where the check says nothing about the subject. That
        the class cannot be loaded is reported by the first check that is run."""
        problem = self.subject.load_problem
        if problem is not None:
            if problem in self.reported:
                raise NotApplicable(
                    f"{self.subject.card.factory} cannot be loaded, which another check reports"
                )
            self.reported.add(problem)
            raise PluginError(f"{self.heading}{problem}")
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
            raise PluginError(f"{self.heading}{problem}") from error

    @property
    def heading(self) -> str:
        """What the line of a problem begins with: the model, the data and the check."""
        return f"{self.subject.card.name} on {self.subject.spec.name}: {self.check.name}: "


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
    reported: set[str] = set()
    return [
        Case(subject, check, reported)
        for subject in subjects
        for check in CONTRACT_CHECKS
        if check.applies_to(subject) and (check.scope == "data" or subject is subjects[0])
    ]


_NUMBERS = re.compile(r"\((?:\d+,? ?)*\)|\d[\d.,]*(?:e[+-]?\d+)?")
"""Shapes and numbers in a message."""


@dataclass(frozen=True)
class Finding:
    """What one or more checks found."""

    text: str
    """A problem: what was found, and what was expected. Or the reason why a check could not judge."""
    cases: tuple[Case, ...]
    """The checks, on which data."""

    def __str__(self) -> str:
        first = self.cases[0]
        others = f" (and {len(self.cases) - 1} more)" if len(self.cases) > 1 else ""
        return (
            f"{first.subject.card.name} on {first.subject.spec.name}: {first.check.name}{others}: {self.text}"
        )


@dataclass(frozen=True)
class Verdict:
    """What the contract suite found about a model."""

    held: tuple[Case, ...]
    """Checks that the model passes."""
    unjudged: tuple[Finding, ...]
    """Why checks say nothing about it, each reason once."""
    problems: tuple[Finding, ...]
    """What is wrong, each problem once, however many checks met it."""


def examine_model(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
    on_case: Callable[[Case], None] = lambda _: None,
) -> Verdict:
    """Run the contract. on_case: called before each check."""
    held: list[Case] = []
    unjudged: dict[str, list[Case]] = {}
    problems: dict[str, list[Case]] = {}
    first: dict[str, str] = {}
    for case in contract_cases(card, spec, hyperparameters):
        on_case(case)
        try:
            case.run()
        except NotApplicable as reason:
            unjudged.setdefault(str(reason), []).append(case)
        except PluginError as error:
            text = str(error).removeprefix(case.heading)
            # one mistake is told with other shapes and numbers on other data
            problems.setdefault(first.setdefault(_NUMBERS.sub("#", text), text), []).append(case)
        else:
            held.append(case)
    return Verdict(tuple(held), _findings(unjudged), _findings(problems))


def _findings(cases: Mapping[str, list[Case]]) -> tuple[Finding, ...]:
    return tuple(Finding(text, tuple(each)) for text, each in cases.items())


def check_model(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> None:
    """Run the contract. Raises PluginError with one line for each problem. `examine_model` returns what holds and what
    does not."""
    problems = examine_model(card, spec, hyperparameters).problems
    if problems:
        raise PluginError("\n".join(map(str, problems)))


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
