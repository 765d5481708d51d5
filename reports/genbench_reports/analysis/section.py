"""The statistics section of a report: scores, intervals and tests, as tables and sentences that renderers draw.

Tables of one data set need three seeds or more; those over data sets need three data sets, and three models that were
run on all of them. Where there are fewer, a sentence says what is missing.
"""

from __future__ import annotations

from genbench_reports.analysis.one_dataset import one_dataset
from genbench_reports.analysis.over_datasets import left_out, over_datasets
from genbench_reports.analysis.part import NO_TABLE, StatisticsPart
from genbench_reports.analysis.score_matrix import ScoreMatrix, score_matrices
from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.leaderboard import Leaderboards
from genbench_reports.statistics.friedman import MIN_DATASETS
from genbench_reports.statistics.seeds import MIN_SEEDS


def statistics_parts(boards: Leaderboards) -> list[StatisticsPart]:
    """Scores, then the tables of each data set, then those over data sets. Empty where there are no scores, fewer than
    three seeds everywhere and fewer than three data sets."""
    parts = [
        StatisticsPart(f"scores over {clean(each.title)}", each.table, (each.verdict, *each.notes))
        for each in boards.summaries
    ]
    order = list(dict.fromkeys(row.label for summary in boards.summaries for row in summary.rows))
    matrices = score_matrices([leaderboard.board for leaderboard in boards.boards])
    for matrix in matrices:
        suffix = f" ({clean(matrix.title)})" if matrix.title else ""
        for dataset in matrix.datasets:
            parts += one_dataset(matrix, dataset)
        if len(matrix.datasets) >= MIN_DATASETS:
            parts += over_datasets(matrix, suffix, order)
        elif matrix.min_seeds >= MIN_SEEDS:
            parts.append(
                StatisticsPart(
                    f"over data sets{suffix}",
                    NO_TABLE,
                    (
                        f"No statistics over data sets: {_ranked(matrix)}; a test over data sets takes {MIN_DATASETS}"
                        " of them.",
                        *left_out(matrix),
                    ),
                )
            )
    return parts


def _ranked(matrix: ScoreMatrix) -> str:
    count = len(matrix.datasets)
    return f"there are ranks on {plural(count, 'data set')}" if count else "there are ranks on none"
