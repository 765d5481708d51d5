"""The likelihood of a model over several boards, in a unit that data sets share.

Likelihoods of different data sets have no common scale: nats per example grow with the size of an example, bits per
dimension with what a dimension holds. The gain in bits per dimension over the board's zero, which on most boards is
each dimension by itself, says how much of the dependence between dimensions the model has learned, in bits. Its mean
over boards weighs each data set by what there is to learn. The weakest kind among its parts is its kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from genbench.records.likelihood_kinds import (
    BOUND_SIGN,
    ESTIMATE_SIGN,
    EXACT_SIGN,
    UNKNOWN_SIGN,
    UNSOUND_SIGN,
    sign,
)
from genbench_reports.format.columns import LIKELIHOOD_METRICS
from genbench_reports.format.numbers import format_value
from genbench_reports.leaderboard.rows import Board, Row

GAIN_TITLE = "gain bits/dim ↑"
GAIN_SIGN = {BOUND_SIGN: "≥"}
"""A lower bound on the likelihood bounds the gain from below, while it bounds a negative log-likelihood from above."""
_STRENGTH = (EXACT_SIGN, BOUND_SIGN, ESTIMATE_SIGN, UNSOUND_SIGN, UNKNOWN_SIGN)
"""From the strongest kind to the weakest."""


@dataclass(frozen=True)
class Likelihood:
    """A model's likelihood on one board, or its mean gain over several."""

    value: float
    """With `is_gain` the mean over boards of how many bits per dimension less than the board's zero the model takes
    for a held-out example, more being better; else the value of the board's own likelihood metric (bits per dimension,
    or nats per example for real values), less being better."""
    stderr: float | None
    """Standard error of `value`, as if the errors of model and zero were independent. The test examples that both share
    make the true one smaller. None where it is not known."""
    kind: str
    """The kind, as the records name it: of several the weakest, exact values being stronger than bounds, and bounds
    stronger than estimates."""
    is_gain: bool
    """Whether `value` is a gain."""
    boards: int
    """On how many boards the model has a likelihood beyond doubt."""

    @property
    def sign(self) -> str:
        """What stands before the value: "=" exact, "≤" (of gains "≥") bound, "≈" estimate."""
        found = sign(self.kind)
        return GAIN_SIGN.get(found, found) if self.is_gain else found

    @property
    def text(self) -> str:
        """The value with its sign and its error."""
        return f"{self.sign} {format_value(self.value, self.stderr)}"


def likelihood_on(row: Row) -> Likelihood | None:
    """The likelihood of a row on its board; None where it has none beyond doubt."""
    found = _own(row)
    return (
        None if found is None else Likelihood(found.mean, found.stderr, found.kind, is_gain=False, boards=1)
    )


def likelihood_title(boards: Sequence[Board]) -> str:
    """Heading of the column: that of the board's metric where there is one board, else that of the gain."""
    if len(boards) != 1:
        return GAIN_TITLE
    (board,) = boards
    return next(
        (board.metrics[name].title for name in LIKELIHOOD_METRICS if board.has_values(name)), "likelihood"
    )


def mean_gain(rows: Iterable[tuple[Board, Row]]) -> Likelihood | None:
    """The mean gain of one model over the boards on which it and the zero have likelihoods; None where there are none.
    rows: each board with the model's row on it."""
    gains = [gain for board, row in rows if (gain := _gain(board, row)) is not None]
    if not gains:
        return None
    errors = [gain.stderr for gain in gains if gain.stderr is not None]
    return Likelihood(
        value=math.fsum(gain.mean for gain in gains) / len(gains),
        stderr=math.hypot(*errors) / len(gains) if len(errors) == len(gains) else None,
        kind=max((gain.kind for gain in gains), key=lambda kind: _STRENGTH.index(sign(kind))),
        is_gain=True,
        boards=len(gains),
    )


@dataclass(frozen=True)
class _Value:
    """A likelihood metric of one row, complete and beyond doubt."""

    name: str
    mean: float
    stderr: float | None
    kind: str


def _gain(board: Board, row: Row) -> _Value | None:
    """The gain of a row over the board's zero in bits per dimension."""
    zero = next(
        (each for each in board.rows if each.is_calibration and each.job.model == board.rule.zero), None
    )
    own, base = _own(row), None if zero is None else _own(zero)
    if own is None or base is None or own.name != base.name or board.dataset is None:
        return None
    unit = 1.0 if own.name == "bits_per_dim" else math.log(2) * board.dataset.spec.dimension
    stderr = None
    if own.stderr is not None and base.stderr is not None:
        stderr = math.hypot(own.stderr, base.stderr) / unit
    return _Value(own.name, (base.mean - own.mean) / unit, stderr, own.kind)


def _own(row: Row) -> _Value | None:
    for name in LIKELIHOOD_METRICS:
        value = row.values.get(name)
        if value is not None and value.is_complete and value.mean is not None and value.kind is not None:
            return _Value(name, value.mean, value.stderr, value.kind)
    return None
