"""The first screen, summaries and leaderboards as one JSON document, for programs that want the answer rather than the
records."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.leaderboard.rows import Board, Row
from genbench_reports.leaderboard.summary import Summary, SummaryRow
from genbench_reports.overview.document import make_document
from genbench_reports.overview.families import FamilyRow
from genbench_reports.overview.model_points import ModelPoint
from genbench_reports.overview.overview import Overview
from genbench_reports.statistics.uncertain_means import UncertainMean


def render_summary(run: Run, registry: Registry) -> str:
    """The report card's factory."""
    document = make_document(run, registry)
    content = {
        "title": document.title,
        "overview": _overview(document.overview),
        "summaries": [_summary(summary) for summary in document.leaderboards.summaries],
        "boards": [_board(leaderboard.board) for leaderboard in document.leaderboards.boards],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _overview(overview: Overview) -> dict[str, Any]:
    return {
        "verdict": overview.verdict,
        "setting": overview.setting,
        "families": [_family(row) for row in overview.families],
        "quality": None if overview.quality is None else asdict(overview.quality),
        "models": [_point(point) for point in overview.models],
        "failures": [asdict(row) for row in overview.failures],
        "notes": overview.notes,
    }


def _family(row: FamilyRow) -> dict[str, Any]:
    return {
        "family": row.family,
        "best_model": row.model,
        "models": row.models,
        "is_compared": row.is_compared,
        "score": _mean(row.score),
        "rank_interval": row.interval,
        "scored_on": row.scored_on,
        "likelihood": None if row.likelihood is None else asdict(row.likelihood),
        "costs": asdict(row.costs),
        "boards": {"covered": row.covered, "of": row.boards},
        "beats_yardsticks_on": {"boards": row.beaten, "of": row.beatable, "yardsticks": row.yardsticks},
        "failed_jobs": row.failed,
    }


def _point(point: ModelPoint) -> dict[str, Any]:
    return {
        "model": point.label,
        "family": point.family,
        "is_compared": point.is_compared,
        "score": _mean(point.score),
        "quality": None if point.quality is None else asdict(point.quality),
        "costs": asdict(point.costs),
        "boards_covered": point.covered,
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "title": summary.title,
        "verdict": summary.verdict,
        "boards": summary.boards,
        "left_out": dict(summary.left_out),
        "rows": [_summary_row(row) for row in summary.rows],
    }


def _summary_row(row: SummaryRow) -> dict[str, Any]:
    return {
        "model": row.label,
        "family": row.family,
        "rank_interval": row.interval,
        "score": _mean(row.score),
        "beats_yardsticks_on": row.beaten,
        "failed_on": row.failed,
    }


def _board(board: Board) -> dict[str, Any]:
    return {
        "title": board.title,
        "dataset": board.title if board.dataset is None else board.dataset.name,
        "metric": board.headline,
        "better": board.ranking_metric.better,
        "reason": board.rule.reason,
        "can_rank": board.can_rank,
        "claim": board.claim,
        "floor": _mean(board.floor),
        "zero": {"baseline": board.rule.zero, "value": _mean(board.zero)},
        "rows": [_row(board, row) for row in board.rows],
    }


def _row(board: Board, row: Row) -> dict[str, Any]:
    standing = row.standing
    return {
        "model": row.label,
        "family": row.family,
        "rank": None if row.rank is None else row.rank.number,
        "rank_interval": None if row.rank is None else row.rank.interval,
        "letters": None if row.rank is None else row.rank.group,
        "value": _mean(row.uncertain(board.headline)),
        "score": None if standing is None else _mean(standing.score),
        "is_like_real_data": standing is not None and standing.is_at_floor,
        "does_not_beat": () if standing is None else standing.not_beaten,
        "notes": row.notes,
    }


def _mean(mean: UncertainMean | None) -> dict[str, float | None] | None:
    if mean is None:
        return None
    return {"mean": mean.value, "stderr": mean.stderr if mean.is_known else None}
