"""What the axes of a series are called: from the summary on the data set's card, which says it in words.

Cards have no field for units. Their summaries say "windows of 24 months; degrees Celsius, not standardised": the first
part is the length of a window and its time step, the second, where there is one, is the unit of the values. Where a
summary says neither, the axes are "time step" and "value".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from genbench.api import DatasetCard
from genbench_reports.format.text import shorten

_STEPS = re.compile(r"windows? of \d+ ([a-z]+)")
_MAX_CHARACTERS = 40


@dataclass(frozen=True)
class SeriesUnits:
    """Names of the axes of a series, as they stand on a chart."""

    steps: str
    """What one step of time is, in the plural: "months"."""
    value: str
    """What the values are: "degrees Celsius"."""

    @property
    def time(self) -> str:
        """Title of the axis of time."""
        return f"time, {self.steps}"

    @property
    def frequency(self) -> str:
        """Title of the axis of frequency."""
        return f"frequency, cycles per {self.steps.removesuffix('s')}"

    @property
    def lag(self) -> str:
        """Title of the axis of lags."""
        return f"lag, {self.steps}"


def series_units(card: DatasetCard) -> SeriesUnits:
    """The names of both axes."""
    found = _STEPS.search(card.summary)
    _, separator, rest = card.summary.partition(";")
    value = shorten(rest.partition(",")[0], _MAX_CHARACTERS) if separator else ""
    return SeriesUnits(steps=found[1] if found else "steps", value=value or "value")
