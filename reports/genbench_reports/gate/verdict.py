"""What a comparison found: one record a figure and one a job, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genbench.api import Better, ExitCode

FigureOutcome = Literal["regression", "lost", "improvement", "within", "identical", "refused", "untested"]
"""lost: the baseline has it and the current run has not. within: no change that counts. identical: equal to rounding.
refused: it may not be compared. untested: it may be, but there is no way to tell a change from chance."""
JobOutcome = Literal[
    "fails now", "missing", "failed before", "recovered", "new", "new and fails", "audit fails now"
]


@dataclass(frozen=True)
class FigureComparison:
    """One figure of one model variant on one data set.

    baseline, current: means over seeds; a time is the current machine's, brought to the baseline's speed.
    worse_by: how much worse, in the figure's unit, negative where it is better; threshold: in the same unit.
    p: of the test; adjusted_p: for the number of figures. case: how it was judged. reason: why it was not.
    """

    variant: str
    dataset: str
    name: str
    unit: str
    better: Better
    group: str
    outcome: FigureOutcome
    baseline: float | None = None
    current: float | None = None
    baseline_error: float | None = None
    current_error: float | None = None
    worse_by: float | None = None
    threshold: float | None = None
    p: float | None = None
    adjusted_p: float | None = None
    case: str = ""
    reason: str = ""

    @property
    def relative(self) -> float | None:
        """How much worse, as a share of the baseline."""
        if self.worse_by is None or not self.baseline:
            return None
        return self.worse_by / abs(self.baseline)

    @property
    def thresholds(self) -> float:
        """How much worse, in thresholds: what to read first."""
        if self.worse_by is None or not self.threshold:
            return float("inf") if self.worse_by else 0.0
        return self.worse_by / self.threshold


@dataclass(frozen=True)
class JobComparison:
    """A job, or all seeds of a group, that is not as it was."""

    variant: str
    dataset: str
    seeds: tuple[int, ...]
    outcome: JobOutcome
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """allow_missing: what is gone is no regression. cautions: what to know before believing it.
    failed: jobs of the current run that failed, for whatever reason."""

    figures: tuple[FigureComparison, ...]
    jobs: tuple[JobComparison, ...]
    cautions: tuple[str, ...]
    alpha: float
    allow_missing: bool
    failed: int

    def of(self, *outcomes: FigureOutcome) -> Sequence[FigureComparison]:
        return [figure for figure in self.figures if figure.outcome in outcomes]

    @property
    def regressions(self) -> Sequence[FigureComparison]:
        """The worst first."""
        gone: Sequence[FigureComparison] = () if self.allow_missing else self.of("lost")
        return [*sorted(self.of("regression"), key=lambda figure: -figure.thresholds), *gone]

    @property
    def improvements(self) -> Sequence[FigureComparison]:
        return sorted(self.of("improvement"), key=lambda figure: figure.thresholds)

    @property
    def job_regressions(self) -> Sequence[JobComparison]:
        wrong = {"fails now", "audit fails now"} | (set() if self.allow_missing else {"missing"})
        return [job for job in self.jobs if job.outcome in wrong]

    @property
    def compared(self) -> int:
        """How many figures were judged."""
        return len(self.of("regression", "improvement", "within", "identical"))

    @property
    def exit_code(self) -> ExitCode:
        """A regression before a failed job before nothing to compare."""
        if self.regressions or self.job_regressions:
            return ExitCode.REGRESSION
        if self.failed:
            return ExitCode.JOB_FAILED
        return ExitCode.OK if self.compared else ExitCode.NOTHING_RAN
