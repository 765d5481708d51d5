"""The contract suite: what every model must keep, for built-in models and for yours.

In the tests of a plugin:

    import pytest
    from genbench.testing import contract_cases
    from my_plugin import CARD

    @pytest.mark.parametrize("case", contract_cases(CARD), ids=str)
    def test_contract(case):
        case.run()

or, without pytest, `check_model(CARD)` returns what is wrong as a list of findings.
"""

from genbench.testing.audit import LikelihoodAudit, audit_likelihood, is_auditable
from genbench.testing.contract import (
    CONTRACT_CHECKS,
    Case,
    Finding,
    check_model,
    contract_cases,
)
from genbench.testing.requirement import ContractCheck, NotApplicable
from genbench.testing.subject import Subject, Training
from genbench.testing.tiny_data import tiny_dataset, tiny_specs

__all__ = [
    "CONTRACT_CHECKS",
    "Case",
    "ContractCheck",
    "Finding",
    "LikelihoodAudit",
    "NotApplicable",
    "Subject",
    "Training",
    "audit_likelihood",
    "check_model",
    "contract_cases",
    "is_auditable",
    "tiny_dataset",
    "tiny_specs",
]
