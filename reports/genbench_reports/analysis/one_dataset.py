"""The statistics of one data set: every ranked model compared with the best one, over seeds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from genbench_reports.analysis.part import StatisticsPart, count_pairs, p_cell, short_intervals
from genbench_reports.analysis.score_matrix import ScoreMatrix
from genbench_reports.format.columns import metric_title
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Table
from genbench_reports.format.text import MISSING, clean
from genbench_reports.statistics.resampling import CONFIDENCE, bootstrap_intervals, few_pairs, paired_tests
from genbench_reports.statistics.seeds import MIN_SEEDS, SIGNIFICANCE, adjust_by_holm
from genbench_reports.statistics.uncertain_means import adjusted_p


def one_dataset(matrix: ScoreMatrix, dataset: str) -> Iterable[StatisticsPart]:
    """Compare every ranked row with the best one; nothing where there are fewer than two rows or too few seeds."""
    values = matrix.values[dataset]
    seeds = min(len(row) for row in values.values())
    if seeds < MIN_SEEDS or len(values) < 2:
        return
    models = sorted(values, key=lambda model: matrix.mean(dataset, model))
    pairs = list(combinations(range(len(models)), 2))
    rows_by_seed = [values[model] for model in models]
    paired = [(i, j) for i, j in pairs if rows_by_seed[i].keys() & rows_by_seed[j].keys()]
    common = min((len(rows_by_seed[i].keys() & rows_by_seed[j].keys()) for i, j in paired), default=0)
    cannot = (
        few_pairs(common, "seed", len(pairs))
        if common
        else "The rows have no seeds in common: no paired test."
    )
    by_permutation: dict[tuple[int, int], float] = {}
    if cannot is None:
        tests = paired_tests([(rows_by_seed[i], rows_by_seed[j]) for i, j in paired])
        by_permutation = dict(zip(paired, adjust_by_holm([test.p for test in tests]), strict=True))
    by_t = adjusted_p([matrix.uncertain[dataset][model] for model in models])
    sign = -1.0 if dataset in matrix.higher_is_better else 1.0
    title = metric_title(matrix.metric[dataset], "higher" if sign < 0 else "lower")
    columns = [
        Column("model", numeric=False, essential=True),
        Column(title, essential=True),
        Column(f"{CONFIDENCE:.0%} bootstrap", essential=True),
        Column("difference from the best", essential=True),
        Column("p, Welch", essential=True),
        Column("p, permutation"),
    ]
    rows = []
    intervals = bootstrap_intervals([[sign * value for value in values[model].values()] for model in models])
    for index, (model, interval) in enumerate(zip(models, intervals, strict=True)):
        mean = matrix.mean(dataset, model)
        rows.append(
            (
                Cell(clean(model)),
                Cell(format_value(sign * mean), value=sign * mean, best=index == 0),
                Cell(f"{format_value(interval.low)} to {format_value(interval.high)}"),
                Cell(
                    MISSING if index == 0 else format_value(sign * (mean - matrix.mean(dataset, models[0])))
                ),
                p_cell(by_t.get((0, index))),
                p_cell(by_permutation.get((0, index))),
            )
        )
    table = Table(tuple(columns), tuple(rows))
    if cannot is not None:
        table = table.select(range(len(columns) - 1))
    notes = [
        f"p of the difference from the best row, after Holm's correction for {count_pairs(len(pairs))}"
        f" ({_tests_named(cannot is None)}); bold below {SIGNIFICANCE}.",
    ]
    if cannot is not None:
        notes.append(cannot)
    notes += short_intervals(seeds, "seed")
    yield StatisticsPart(f"{clean(dataset)} over seeds", table, tuple(notes))


def _tests_named(permutation: bool) -> str:
    welch = "Welch's t-test over seeds"
    return f"{welch}, and a paired permutation test over common seeds" if permutation else welch
