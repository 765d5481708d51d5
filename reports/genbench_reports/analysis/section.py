"""What a report says of chance: intervals, tests and groups, as tables and sentences. Renderers draw them.

On one data set there has to be a claim of seeds (three or more); over data sets, three of them with three models that
ran on all. Where there is less, a sentence says what is missing.
"""

from __future__ import annotations

from genbench_reports.analysis.one_dataset import one_dataset
from genbench_reports.analysis.over_datasets import left_out, over_datasets
from genbench_reports.analysis.part import NO_TABLE, StatisticsPart
from genbench_reports.analysis.score_matrix import Comparison, compare
from genbench_reports.format.text import clean, plural
from genbench_reports.leaderboard.leaderboard import Leaderboards
from genbench_reports.statistics.friedman import LEAST_DATASETS
from genbench_reports.statistics.seeds import MINIMUM_SEEDS


def statistics_parts(boards: Leaderboards) -> list[StatisticsPart]:
    """Everything that can be said, data set by data set and then over all of them; empty where that is nothing: fewer
    than three seeds everywhere, and fewer than three data sets."""
    parts: list[StatisticsPart] = []
    comparisons = compare([leaderboard.board for leaderboard in boards.boards])
    for comparison in comparisons:
        suffix = f" ({clean(comparison.title)})" if comparison.title else ""
        for dataset in comparison.datasets:
            parts += one_dataset(comparison, dataset)
        if len(comparison.datasets) >= LEAST_DATASETS:
            parts += over_datasets(comparison, suffix)
        elif comparison.least_seeds >= MINIMUM_SEEDS:
            parts.append(
                StatisticsPart(
                    f"over data sets{suffix}",
                    NO_TABLE,
                    (
                        f"Nothing is said over data sets: {_ranked(comparison)}; a test over data sets takes"
                        f" {LEAST_DATASETS} of them.",
                        *left_out(comparison),
                    ),
                )
            )
    return parts


def _ranked(comparison: Comparison) -> str:
    count = len(comparison.datasets)
    return f"there are ranks on {plural(count, 'data set')}" if count else "there are ranks on none"
