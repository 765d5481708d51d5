"""What got worse or better in a few lines: the values of one group and one row move together, and share a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.format.columns import LIKELIHOOD_METRICS
from genbench_reports.format.text import named, plural, shorten
from genbench_reports.gate.changes import (
    format_change,
    format_compared,
    format_signed,
    relative_change,
    title,
)
from genbench_reports.gate.verdict import JobComparison, Place, ValueComparison

MAX_LINES = 10
"""Lines for values that got worse; a change of the harness can move every row of a suite."""
_MAX_NAME_CHARACTERS = 40
_MAX_REASON_CHARACTERS = 120


@dataclass(frozen=True)
class GroupChange:
    """The values of one group that got worse, or better, in one row."""

    group: str
    """Group of the metrics' cards (quality, likelihood, ...), or of the costs."""
    place: Place
    """Model variant and data set."""
    values: tuple[ValueComparison, ...]
    """The values, in the order in which they came."""

    @property
    def headline(self) -> ValueComparison:
        """The value that stands for the others: the metric that ranks the data set; for likelihoods bits per
        dimension or, where there are none, nats; else the value that is furthest past its threshold."""

        def order(compared: ValueComparison) -> tuple[bool, int, float]:
            name = compared.name
            known = LIKELIHOOD_METRICS.index(name) if name in LIKELIHOOD_METRICS else len(LIKELIHOOD_METRICS)
            return (not compared.ranks, known, -abs(compared.thresholds))

        return min(self.values, key=order)

    @property
    def line(self) -> str:
        """ "likelihood of vae on digits: 4 values, bits/dim ↓ +0.179 (2.271±0.020 → 2.450±0.010)"."""
        where = f"{shorten(self.group, _MAX_NAME_CHARACTERS)} of {format_place(self.place)}"
        present = [compared for compared in self.values if compared.outcome != "lost"]
        gone = [compared for compared in self.values if compared.outcome == "lost"]
        parts = []
        if present:
            headline = GroupChange(self.group, self.place, tuple(present)).headline
            before = format_compared(headline, headline.baseline, headline.baseline_error)
            now = format_compared(headline, headline.current, headline.current_error)
            change = f"{title(headline)} {format_signed(headline)}"
            if relative_change(headline) is not None:
                change += f", {format_change(headline)}"
            parts.append(f"{plural(len(present), 'value')}, {change} ({before} → {now})")
        if gone:
            reasons = list(dict.fromkeys(compared.reason for compared in gone))
            parts.append(
                f"{named([title(compared) for compared in gone])} gone"
                f" ({shorten(reasons[0], _MAX_REASON_CHARACTERS)})"
            )
        return f"{where}: {'; '.join(parts)}"


def group_changes(values: Sequence[ValueComparison]) -> list[GroupChange]:
    """One record per row and group, in the order of the first value of each."""
    found: dict[tuple[str, Place], list[ValueComparison]] = {}
    for compared in values:
        found.setdefault((compared.group, compared.place), []).append(compared)
    return [GroupChange(group, place, tuple(members)) for (group, place), members in found.items()]


def value_lines(values: Sequence[ValueComparison], most: int = MAX_LINES) -> tuple[str, ...]:
    """A line per row and group; the last says what is left out where there are more than `most`."""
    groups = group_changes(values)
    if len(groups) <= most:
        return tuple(group.line for group in groups)
    rest = groups[most - 1 :]
    places = list(dict.fromkeys(format_place(group.place) for group in rest))
    count = plural(sum(len(group.values) for group in rest), "value")
    return (*(group.line for group in groups[: most - 1]), f"and {count} more: {named(places)}")


def job_lines(jobs: Sequence[JobComparison], most: int = MAX_LINES) -> tuple[str, ...]:
    """A line per job or group of seeds whose state got worse."""
    lines = [
        f"{format_place(job.place)}: {format_seeds(job)} {job.outcome}"
        + (f": {shorten(job.reason, _MAX_REASON_CHARACTERS)}" if job.reason else "")
        for job in jobs
    ]
    return tuple(lines) if len(lines) <= most else (*lines[: most - 1], f"and {len(lines) - most + 1} more")


def format_place(place: Place) -> str:
    """ "vae on digits"."""
    variant, dataset = place
    return f"{shorten(variant, _MAX_NAME_CHARACTERS)} on {shorten(dataset, _MAX_NAME_CHARACTERS)}"


def format_seeds(job: JobComparison) -> str:
    """ "seed 0, 1"."""
    return f"seed {', '.join(map(str, job.seeds))}"
