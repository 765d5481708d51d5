"""The record of an audit: which checks a model's likelihood passed. Free of torch: every report reads it."""

from __future__ import annotations

from typing import Literal

import msgspec

LikelihoodName = Literal["log_prob", "log_density", "elbo", "log_weights"]

FALSE_ALARM_RATE = 1e-5
"""The highest probability with which a check that draws random examples fails a correct likelihood."""


class AuditCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a likelihood."""

    name: str
    """What is checked, in plain words; unique within the audit."""
    passed: bool | None
    """None if it could not be judged; `detail` then says why."""
    detail: str
    """One line with the numbers: what was found and what was expected."""
    value: float | None = None
    """What was found, if one number says it."""
    expected: float | None = None
    """What was expected, if one number says it."""
    p_value: float | None = None
    """The probability, or a bound on it, that a correct likelihood looks as wrong as this one; None for checks
    without randomness."""


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one model's likelihood."""

    likelihood: LikelihoodName
    """The model's method that was audited."""
    checks: tuple[AuditCheck, ...]
    """In the order in which they were made."""

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[AuditCheck, ...]:
        return tuple(check for check in self.checks if check.passed is False)

    @property
    def detail(self) -> str:
        """One line: the checks that failed; if none did, all checks."""
        return "; ".join(f"{check.name}: {check.detail}" for check in self.failures or self.checks)

    def check(self, name: str) -> AuditCheck | None:
        """The check of that name, or None if it was not made."""
        return next((check for check in self.checks if check.name == name), None)

    def doubts(self, kind: str | None) -> bool:
        """Whether a value of that likelihood kind comes from the likelihood, and a check of it failed.

        Estimates that the harness makes from `decode` by annealed importance sampling do not come from it.
        """
        return not self.passed and kind is not None and (kind == "exact" or kind.startswith("lower bound"))
