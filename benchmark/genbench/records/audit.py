"""What an audit found, as a record. Free of torch: results hold it, and every report reads it."""

from __future__ import annotations

from typing import Literal

import msgspec

LikelihoodName = Literal["log_prob", "log_density", "elbo", "log_weights"]

FALSE_ALARM_RATE = 1e-5
"""A check that draws fails a right likelihood at most this often."""


class AuditCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check.

    name: in plain words, unique within the audit. passed: None where it could not be judged; `detail` then
    says why. detail: one line with the numbers: what was got, what was expected. value, expected: the same
    for programs, where one number says it. p_value: the probability, or a bound on it, that a right
    likelihood looks as wrong as this one; None where chance has no say.
    """

    name: str
    passed: bool | None
    detail: str
    value: float | None = None
    expected: float | None = None
    p_value: float | None = None


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """likelihood: which of the model's methods was audited. checks: in the order in which they were made."""

    likelihood: LikelihoodName
    checks: tuple[AuditCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[AuditCheck, ...]:
        return tuple(check for check in self.checks if check.passed is False)

    @property
    def detail(self) -> str:
        """What failed, in one line; else what was checked."""
        if self.failures:
            return "; ".join(f"{check.name}: {check.detail}" for check in self.failures)
        return "; ".join(f"{check.name}: {check.detail}" for check in self.checks)

    def check(self, name: str) -> AuditCheck | None:
        """The check of that name, or None where it was not made."""
        return next((check for check in self.checks if check.name == name), None)

    def doubts(self, kind: str | None) -> bool:
        """Whether a figure of that likelihood kind rests on what failed.

        Estimates that the harness makes by itself from `decode` (AIS) do not.
        """
        return not self.passed and kind is not None and (kind == "exact" or kind.startswith("lower bound"))
