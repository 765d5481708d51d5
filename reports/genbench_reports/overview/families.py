"""The families, each with its best model: what it reached, how sure that is, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench_reports.overview.costs import Costs
from genbench_reports.overview.entries import Entry
from genbench_reports.overview.likelihoods import Likelihood
from genbench_reports.statistics.uncertain_means import UncertainMean


@dataclass(frozen=True)
class FamilyRow:
    """One family, represented by its best model."""

    family: str
    """Name of the family. Not trusted: renderers escape it."""
    model: str
    """Its best model: the one with the best score in the largest comparison (`Summary`) that has a model of the family;
    without scores, the one that leads most boards. Not trusted either."""
    models: int
    """How many models of the family were run. The best of many is better than the best of few by chance alone."""
    score: UncertainMean | None
    """The model's score with its error: the arithmetic mean over the boards of the comparison, 0 where it failed. None
    without scores."""
    interval: tuple[int, int] | None
    """The ranks that corrected tests leave to the model among all models of the comparison; None where the error of a
    score is not known."""
    scored_on: tuple[str, ...]
    """Titles of the boards of the comparison; empty without scores."""
    likelihood: Likelihood | None
    """The model's likelihood: on a single board the board's own value, over several the mean gain in bits per
    dimension over the zero, with the weakest kind among its parts."""
    costs: Costs
    """What the model cost: geometric means over boards of times and speeds, maxima of memory."""
    covered: int
    """On how many boards a job of the model finished."""
    boards: int
    """How many boards the run has under this setting, those that cannot rank included."""
    beaten: int
    """On how many boards the model beats all yardsticks besides the zero by more than its error."""
    beatable: int
    """On how many boards of the comparison there is such a yardstick. Those that contain the true density are none, and
    a board on which the model failed counts."""
    yardsticks: tuple[str, ...]
    """Names of these yardsticks, each once: the Gaussian mixture, and on sequences `ar`, `kneser-ney` or
    `note-markov`."""
    failed: int
    """How many jobs of the model failed."""
    is_compared: bool
    """Whether the score is over the boards of the verdict. The others met fewer or other boards and are not ranked
    against these."""


def family_rows(entries: Sequence[Entry], boards: int) -> tuple[FamilyRow, ...]:
    """The best model of each family, in the order of the entries, those that are compared first.

    boards: how many boards the setting has.
    """
    best: dict[str, Entry] = {}
    for entry in entries:
        best.setdefault(entry.family, entry)
    members = [entry.family for entry in entries]
    return tuple(
        FamilyRow(
            family=family,
            model=entry.label,
            models=members.count(family),
            score=entry.score,
            interval=entry.interval,
            scored_on=entry.scored_on,
            likelihood=entry.likelihood,
            costs=entry.costs,
            covered=len(entry.met),
            boards=boards,
            beaten=entry.beaten,
            beatable=entry.beatable,
            yardsticks=entry.yardsticks,
            failed=entry.failed,
            is_compared=entry.is_compared,
        )
        for family, entry in best.items()
    )
