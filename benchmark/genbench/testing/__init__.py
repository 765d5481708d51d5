"""The contract suite: checks of what the harness requires of every model, built-in or yours.

This is the whole test file of a plugin, with one test for each model, kind of data and check:

    from genbench.testing import contract_test
    from my_plugin import genbench_models

    test_contract = contract_test(*genbench_models())

Without pytest, `check_model(card)` raises PluginError with one line for each problem, `examine_model(card)` returns
what holds and what does not, and `genai-bench plugin check NAME` prints it.
"""

from genbench.likelihood.audit.check_normalisation import is_auditable
from genbench.records.audit import Audit, AuditCheck
from genbench.testing.audit import audit_likelihood
from genbench.testing.contract import (
    CONTRACT_CHECKS,
    Case,
    Finding,
    Verdict,
    check_model,
    contract_cases,
    contract_test,
    examine_model,
)
from genbench.testing.requirement import ContractCheck, NotApplicable
from genbench.testing.subject import Subject
from genbench.testing.tiny_data import tiny_dataset, tiny_specs

__all__ = [
    "CONTRACT_CHECKS",
    "Audit",
    "AuditCheck",
    "Case",
    "ContractCheck",
    "Finding",
    "NotApplicable",
    "Subject",
    "Verdict",
    "audit_likelihood",
    "check_model",
    "contract_cases",
    "contract_test",
    "examine_model",
    "is_auditable",
    "tiny_dataset",
    "tiny_specs",
]
