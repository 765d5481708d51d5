"""Every model as a point of the picture "quality against cost", of which both axes are logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from genbench.api import Better
from genbench_reports.leaderboard.rows import Board
from genbench_reports.overview.costs import Costs
from genbench_reports.overview.entries import Entry
from genbench_reports.statistics.uncertain_means import UncertainMean

DISTANCE_TITLE = "distance from real data (held-out data: 1) ↓"
_LOGARITHMIC_SPAN = math.log(10)
"""The span of a board whose metric is a logarithm already, so that its values have no quotients: the zero counts as ten
times as far from real data as held-out data are."""
_MAX_EXPONENT = 600.0
"""Larger ones would overflow."""


@dataclass(frozen=True)
class QualityAxis:
    """What the quality of all points is."""

    title: str
    """Title of the axis, with the arrow of the better direction."""
    better: Better
    """The better direction."""
    is_logarithmic: bool
    """Whether the axis can be logarithmic: all values and the ends of their errors are positive."""
    is_distance: bool
    """Whether it is the distance that follows from the scores; else the metric that ranks the only board."""


@dataclass(frozen=True)
class Quality:
    """How good a model is, with an interval of one standard error to either side."""

    value: float
    """On the axis that `Overview.quality` describes. As a distance it is span ** (1 - score), where the span is the
    geometric mean over the boards of how many times as far the zero is from real data as held-out data are. It is 1 for
    a score of 1, the span for a score of 0, and larger below; it falls strictly as the score rises, so that both order
    models alike; and on a single board it is the ranking value divided by that of held-out real data. The geometric
    mean of these quotients over several boards would be simpler, but can order models otherwise than the score does,
    because boards with a long way from the zero to real data would count more."""
    low: float | None
    """The lower end of the interval; None where the error is not known."""
    high: float | None
    """The upper end of the interval; None where the error is not known."""


@dataclass(frozen=True)
class ModelPoint:
    """One model of the picture. Contenders only."""

    label: str
    """Name of the variant. Not trusted: renderers escape it."""
    family: str
    """Its family. Not trusted either."""
    score: UncertainMean | None
    """The mean of its scores, as in the summary; None where there are no scores."""
    quality: Quality | None
    """The vertical coordinate; None where the model has none, so that it is not in the picture."""
    costs: Costs
    """The horizontal coordinates to choose from."""
    covered: int
    """On how many boards it has results."""
    is_compared: bool
    """Whether its score is over the same boards as that of the models in the verdict. Others belong in the picture as
    hollow marks, because their boards were others."""


def model_points(
    entries: Sequence[Entry], span: float | None
) -> tuple[QualityAxis | None, tuple[ModelPoint, ...]]:
    """The axis and the points, in the order of the entries. span: the natural logarithm of the geometric mean of the
    boards' spans. The axis is None where models have no common quality: without scores, on several boards."""
    boards = list(dict.fromkeys(board.title for entry in entries for board, _ in entry.met))
    only = next((board for entry in entries for board, _ in entry.met), None) if len(boards) == 1 else None
    if span is not None:
        axis: QualityAxis | None = QualityAxis(DISTANCE_TITLE, "lower", is_logarithmic=True, is_distance=True)
        qualities = [None if entry.score is None else _distance(entry.score, span) for entry in entries]
    elif only is not None and only.ranking_metric.better != "neither":
        qualities = [_figure(only, entry) for entry in entries]
        known = [quality for quality in qualities if quality is not None]
        axis = QualityAxis(
            only.ranking_metric.title,
            only.ranking_metric.better,
            is_logarithmic=all((q.value if q.low is None else q.low) > 0 for q in known),
            is_distance=False,
        )
        axis = axis if known else None
    else:
        axis, qualities = None, [None] * len(entries)
    return axis, tuple(
        ModelPoint(
            label=entry.label,
            family=entry.family,
            score=entry.score,
            quality=quality,
            costs=entry.costs,
            covered=len(entry.met),
            is_compared=entry.is_compared,
        )
        for entry, quality in zip(entries, qualities, strict=True)
    )


def mean_span(boards: Sequence[Board]) -> float | None:
    """The mean of the boards' spans, which are logarithms; None where no board has scores."""
    spans = [_LOGARITHMIC_SPAN if board.span is None else board.span for board in boards if board.has_scores]
    return math.fsum(spans) / len(spans) if spans else None


def _distance(score: UncertainMean, span: float) -> Quality:
    def at(value: float) -> float:
        return math.exp(min((1 - value) * span, _MAX_EXPONENT))

    if not score.is_known:
        return Quality(at(score.value), None, None)
    return Quality(at(score.value), at(score.value + score.stderr), at(score.value - score.stderr))


def _figure(board: Board, entry: Entry) -> Quality | None:
    rows = [row for met, row in entry.met if met is board]
    mean = rows[0].uncertain(board.headline) if rows else None
    if mean is None:
        return None
    if not mean.is_known:
        return Quality(mean.value, None, None)
    return Quality(mean.value, mean.value - mean.stderr, mean.value + mean.stderr)
