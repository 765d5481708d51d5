"""What a comparison found: one record per metric or cost, one per job, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genbench.api import Better, ExitCode

ValueOutcome = Literal["regression", "lost", "improvement", "within", "identical", "refused", "untested"]
"""lost: the baseline has a value and the current run has none. within: no change that counts. identical: equal to
rounding. refused: the two values must not be compared. untested: they are comparable, but nothing can tell a change
from chance.
"""
JobOutcome = Literal[
    "fails now", "missing", "failed before", "recovered", "new", "new and fails", "audit fails now"
]
Place = tuple[str, str]
"""A row: model variant and data set."""


@dataclass(frozen=True)
class Cause:
    """What of one kind changed between the baseline and the run. That it caused a regression is not proven."""

    kind: str
    """settings, code, versions or machine."""
    changes: tuple[str, ...]
    """Each change in words, those of rows that got worse first. Names in them come from plugins."""


@dataclass(frozen=True)
class ValueComparison:
    """One metric or cost of one model variant on one data set, in the baseline and now."""

    variant: str
    """The model variant."""
    dataset: str
    """The data set."""
    name: str
    """Name of the metric or cost."""
    unit: str
    """Unit of the values."""
    better: Better
    """The better direction."""
    group: str
    """Group of the metric's card; speed, memory or cost for costs."""
    outcome: ValueOutcome
    """What the comparison came to."""
    baseline: float | None = None
    """Mean over the seeds of the baseline."""
    current: float | None = None
    """Mean over the seeds of the current run; times are converted to the speed of the baseline's machine."""
    baseline_error: float | None = None
    """Standard error of `baseline` over seeds."""
    current_error: float | None = None
    """Standard error of `current` over seeds."""
    worse_by: float | None = None
    """How much worse the current value is, in its unit; negative where it is better."""
    threshold: float | None = None
    """How large a change counts, in the same unit."""
    p: float | None = None
    """p of the test of equal means."""
    adjusted_p: float | None = None
    """`p` after the correction for the number of comparisons."""
    case: str = ""
    """How the change was judged."""
    reason: str = ""
    """Why it was not."""
    ranks: bool = False
    """It is the metric that ranks the data set."""

    @property
    def place(self) -> Place:
        return (self.variant, self.dataset)

    @property
    def relative(self) -> float | None:
        """How much worse the value is, as a share of the baseline."""
        if self.worse_by is None or not self.baseline:
            return None
        return self.worse_by / abs(self.baseline)

    @property
    def thresholds(self) -> float:
        """How much worse the value is, in multiples of its threshold: the largest come first."""
        if self.worse_by is None or not self.threshold:
            return float("inf") if self.worse_by else 0.0
        return self.worse_by / self.threshold


@dataclass(frozen=True)
class JobComparison:
    """A job, or all seeds of a group, whose state has changed."""

    variant: str
    """The model variant."""
    dataset: str
    """The data set."""
    seeds: tuple[int, ...]
    """The seeds concerned."""
    outcome: JobOutcome
    """What changed."""
    reason: str = ""
    """Why, as far as the records say."""

    @property
    def place(self) -> Place:
        return (self.variant, self.dataset)


@dataclass(frozen=True)
class Verdict:
    """What the comparison of two runs found."""

    values: tuple[ValueComparison, ...]
    """One record per metric or cost."""
    jobs: tuple[JobComparison, ...]
    """Jobs whose state has changed."""
    cautions: tuple[str, ...]
    """What to know before trusting the comparison."""
    alpha: float
    """Level of the tests."""
    allow_missing: bool
    """What the current run leaves out is no regression."""
    failed: int
    """How many jobs of the current run failed, for whatever reason."""
    causes: tuple[Cause, ...] = ()
    """What changed between the two sides, by kind."""

    def of(self, *outcomes: ValueOutcome) -> Sequence[ValueComparison]:
        return [value for value in self.values if value.outcome in outcomes]

    @property
    def regressions(self) -> Sequence[ValueComparison]:
        """The worst first."""
        gone: Sequence[ValueComparison] = () if self.allow_missing else self.of("lost")
        return [*sorted(self.of("regression"), key=lambda value: -value.thresholds), *gone]

    @property
    def improvements(self) -> Sequence[ValueComparison]:
        return sorted(self.of("improvement"), key=lambda value: value.thresholds)

    @property
    def job_regressions(self) -> Sequence[JobComparison]:
        wrong = {"fails now", "audit fails now"} | (set() if self.allow_missing else {"missing"})
        return [job for job in self.jobs if job.outcome in wrong]

    @property
    def compared(self) -> int:
        """How many values were compared."""
        return len(self.of("regression", "improvement", "within", "identical"))

    @property
    def exit_code(self) -> ExitCode:
        """A regression takes precedence over a failed job, and that over having nothing to compare."""
        if self.regressions or self.job_regressions:
            return ExitCode.REGRESSION
        if self.failed:
            return ExitCode.JOB_FAILED
        return ExitCode.OK if self.compared else ExitCode.NOTHING_RAN
