"""The whole contract: every check, in the order in which a reader wants to hear of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from genbench.cards import Hyperparameter, ModelCard
from genbench.errors import PluginError
from genbench.spec import DataSpec
from genbench.testing import card_checks, likelihood_checks, sampling_checks, training_checks
from genbench.testing.requirement import ContractCheck, NotApplicable
from genbench.testing.subject import Subject
from genbench.testing.tiny_data import tiny_specs

CONTRACT_CHECKS: tuple[ContractCheck, ...] = tuple(
    check
    for module in (card_checks, training_checks, sampling_checks, likelihood_checks)
    for check in vars(module).values()
    if isinstance(check, ContractCheck)
)


@dataclass(frozen=True)
class Case:
    """One check of one subject. `str` of it is a readable test id; `run` raises what is wrong."""

    subject: Subject
    check: ContractCheck

    def __str__(self) -> str:
        return f"{self.subject!r}-{self.check.name}"

    def run(self) -> None:
        """Raises PluginError where the contract is broken, NotApplicable, or whatever the model raised."""
        self.check(self.subject)


@dataclass(frozen=True)
class Finding:
    """What is wrong. data: the name of the tiny data set; check: of `CONTRACT_CHECKS`."""

    model: str
    data: str
    check: str
    problem: str

    def __str__(self) -> str:
        return f"{self.model} on {self.data}: {self.check}: {self.problem}"


def contract_cases(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> list[Case]:
    """Every check that applies, on `spec`, or else on every modality and domain that the card takes.

    Subjects are trained when their first check runs, and shared by the others.
    hyperparameters: other than the card's defaults, to make a large model small.
    """
    specs = tiny_specs(card) if spec is None else [spec]
    if not specs:
        raise PluginError(f"{card.name}: the card takes no data at all")
    return list(_cases([Subject(card, each, hyperparameters) for each in specs]))


def _cases(subjects: list[Subject]) -> Iterator[Case]:
    for subject in subjects:
        for check in CONTRACT_CHECKS:
            once = check.scope == "data" or subject is subjects[0]
            if once and check.applies_to(subject):
                yield Case(subject, check)


def check_model(
    card: ModelCard,
    spec: DataSpec | None = None,
    hyperparameters: Mapping[str, Hyperparameter] | None = None,
) -> list[Finding]:
    """Run the contract and return what is wrong; empty where all is well."""
    findings = []
    for case in contract_cases(card, spec, hyperparameters):
        try:
            case.run()
        except NotApplicable:
            continue
        except PluginError as error:
            problem = str(error)
        except Exception as error:  # whatever the model raised is a finding too
            problem = f"{type(error).__name__}: {error}"
        else:
            continue
        findings.append(Finding(card.name, case.subject.spec.name, case.check.name, problem))
    return findings
