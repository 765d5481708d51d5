"""How much two runs of one suite agree: orders, flipped pairs, and the checks of a comparison that can be believed.

    python compare_occasions.py RUN [RUN]

prints, for each board, how many contenders there are, Spearman's correlation of their order between the two runs, and
the share of pairs that change places: of all pairs, and of those that the first run's tests tell apart. For each run
it counts the jobs whose last state is better than the reported one by more than two standard errors, the boards that
cannot rank, and the rows that are better than real data.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

from scipy.stats import spearmanr
from tabulate import tabulate

from genbench.plugin.discovery import load_registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.leaderboard.build_boards import build_boards
from genbench_reports.leaderboard.rows import Board
from genbench_reports.statistics.seeds import SIGNIFICANCE
from genbench_reports.statistics.uncertain_means import UncertainMean, adjusted_p, exceeds

Pair = tuple[str, str]


def boards_of(folder: Path) -> list[Board]:
    """The leaderboards of a run."""
    run, registry = Run.open(folder), load_registry()
    return build_boards(run.results(), registry.metrics, {**registry.datasets, **run.plan.datasets})


def means_of(board: Board) -> dict[str, UncertainMean]:
    """The contenders' values of the metric that ranks, less being better."""
    sign = -1.0 if board.ranking_metric.better == "higher" else 1.0
    found = {row.label: row.uncertain(board.headline) for row in board.rows if not row.is_calibration}
    return {
        label: UncertainMean(
            sign * mean.value, mean.seeds_stderr, mean.freedom, mean.known_stderr, mean.is_known
        )
        for label, mean in found.items()
        if mean is not None
    }


def told_apart(means: dict[str, UncertainMean]) -> set[Pair]:
    """The pairs that corrected tests tell apart."""
    labels = list(means)
    return {
        (labels[i], labels[j]) for (i, j), p in adjusted_p(list(means.values())).items() if p < SIGNIFICANCE
    }


def agreement(first: Board, second: Board) -> tuple[list[object], int, int, int, int]:
    """A row of the table, and pairs: all, flipped, told apart, flipped of those."""
    one, two = means_of(first), means_of(second)
    labels = [label for label in one if label in two]
    one = {label: one[label] for label in labels}
    pairs = list(combinations(labels, 2))
    flipped = {(a, b) for a, b in pairs if (one[a].value - one[b].value) * (two[a].value - two[b].value) < 0}
    apart = told_apart(one)
    correlation = spearmanr(
        [one[each].value for each in labels], [two[each].value for each in labels]
    ).statistic
    row = [first.title, len(labels), f"{correlation:.2f}", f"{len(flipped)} of {len(pairs)}"]
    row.append(f"{len(flipped & apart)} of {len(apart)}")
    return row, len(pairs), len(flipped), len(apart), len(flipped & apart)


def last_is_better(result: Result, metric: str) -> bool:
    """Whether the last state is better than the reported one by more than two standard errors."""
    reported = result.metric(metric)
    last = next((each for each in result.last_metrics or () if each.name == metric), None)
    if reported is None or last is None or reported.value is None or last.value is None:
        return False
    sign = -1.0 if reported.better == "higher" else 1.0
    return exceeds(
        UncertainMean(sign * reported.value, known_stderr=reported.stderr or 0.0),
        UncertainMean(sign * last.value, known_stderr=last.stderr or 0.0),
    )


def checks(folder: Path) -> list[object]:
    """What the table of checks says about a run."""
    boards = boards_of(folder)
    jobs = [
        (board, result)
        for board in boards
        for row in board.rows
        if not row.is_calibration
        for result in row.results
    ]
    late = sum(last_is_better(result, board.headline) for board, result in jobs)
    better = sum(
        row.standing is not None
        and board.floor is not None
        and exceeds(
            UncertainMean(board.floor.value, known_stderr=board.floor.stderr),
            UncertainMean(
                row.mean(board.headline) or 0.0, known_stderr=row.values[board.headline].stderr or 0.0
            ),
        )
        for board in boards
        if board.ranking_metric.better == "lower"
        for row in board.rows
        if not row.is_calibration and board.headline in row.values
    )
    return [
        folder.name,
        len(jobs),
        late,
        f"{sum(not board.can_rank for board in boards)} of {len(boards)}",
        better,
    ]


def main(folders: list[Path]) -> None:
    """Print both tables."""
    heads = ["run", "contender jobs", "last state better", "boards that cannot rank", "rows beyond real data"]
    print(tabulate([checks(folder) for folder in folders], heads, tablefmt="pipe"))
    if len(folders) < 2:
        return
    first, second = ({board.title: board for board in boards_of(folder)} for folder in folders)
    found = [agreement(first[title], second[title]) for title in first if title in second]
    totals = [sum(each[place] for each in found) for place in (1, 2, 3, 4)]
    heads = ["board", "contenders", "Spearman", "pairs flipped", "of those told apart"]
    total = ["all", "", "", f"{totals[1]} of {totals[0]}", f"{totals[3]} of {totals[2]}"]
    print()
    print(tabulate([*(each[0] for each in found), total], heads, tablefmt="pipe"))


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
