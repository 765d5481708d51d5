"""The tables of one leaderboard: metrics, costs, failures; and of one metric over several leaderboards."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.records.tuned import best_by_trials
from genbench_reports.format.columns import COST_COLUMNS, LIKELIHOOD_METRICS, MAIN_COSTS, CostColumn
from genbench_reports.format.likelihood_marks import DOUBTED, ROUGH, likelihood_mark
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Footnotes, Table
from genbench_reports.format.text import MISSING, clean, plural, shorten
from genbench_reports.leaderboard.merge_notes import merge_notes
from genbench_reports.leaderboard.rows import Board, BoardMetric, Row
from genbench_reports.leaderboard.standing_notes import NOT_BETTER

_MAX_REASON_CHARACTERS = 100


_FAMILY_WEIGHT, _MEMORY_WEIGHT, _SPEED_WEIGHT, _SCORE_WEIGHT, _SEARCH_WEIGHT = 5, 6, 7, 0, 9
_METRIC_WEIGHTS = (8, 8, 2, 3, 1)
"""The weights of the metric that ranks, the likelihood, fidelity, diversity and memorisation. The score weighs least,
since it says again what the ranking metric says."""


def main_table(board: Board, footnotes: Footnotes) -> Table:
    """Rank, model and family; the metric that ranks, the likelihood, one metric each of fidelity, diversity and
    memorisation; speed and memory; then the score, and the search of tuned rows. On a narrow screen the columns of less
    weight are left out."""
    essential = (board.headline, *LIKELIHOOD_METRICS)
    with_scores = board.has_scores
    weights = dict(zip(board.columns, _METRIC_WEIGHTS, strict=False))
    costs = _main_costs(board)
    columns = [
        Column("rank", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False, weight=_FAMILY_WEIGHT),
        *(
            Column(
                metric.title,
                essential=metric.name in essential,
                weight=weights[metric.name],
                keeps_error=metric.name == board.headline,
                name=metric.name,
            )
            for metric in board.main_metrics
        ),
        *(Column(column.heading, weight=weight, name=column.name) for column, weight in costs),
        *([Column("score ↑", weight=_SCORE_WEIGHT, keeps_error=True)] if with_scores else []),
        *([Column("search", numeric=False, weight=_SEARCH_WEIGHT)] if board.has_tuned else []),
    ]
    heads = [  # before the metrics, so that the notes on rows come first among the footnotes
        (
            Cell(rank_text(row), value=None if row.rank is None else row.rank.number),
            Cell(clean(row.label), notes=footnotes.numbers(row.notes)),
            Cell(clean(row.family)),
        )
        for row in board.rows
    ]
    rows = [
        (
            *head,
            *(metric_cell(row, metric, footnotes) for metric in board.main_metrics),
            *(_cost_cell(row, column) for column, _ in costs),
            *([_score_cell(row)] if with_scores else []),
            *([Cell(_search_text(row))] if board.has_tuned else []),
        )
        for head, row in zip(heads, board.rows, strict=True)
    ]
    return _set_apart(board, columns, rows)


def _main_costs(board: Board) -> list[tuple[CostColumn, int]]:
    """The costs of the main table that were measured, with their weights. Memory of the process is the first column to
    go where a GPU was used."""
    measured = {
        column.name: column for column in COST_COLUMNS if any(column.name in row.costs for row in board.rows)
    }
    uses_gpu = "peak_cuda_bytes" in measured
    weights = (_SPEED_WEIGHT, _MEMORY_WEIGHT, -1 if uses_gpu else _MEMORY_WEIGHT)
    return [
        (measured[name], weight) for name, weight in zip(MAIN_COSTS, weights, strict=True) if name in measured
    ]


def _cost_cell(row: Row, column: CostColumn) -> Cell:
    value = row.costs.get(column.name)
    mean = None if value is None else value.mean
    return Cell(column.write(mean), value=mean, best=value is not None and value.is_best)


def rank_text(row: Row) -> str:
    """The rank with its interval and letters, and the mark of a row that beats no yardstick."""
    mark = NOT_BETTER if row.standing is not None and row.standing.not_beaten else ""
    if row.rank is None:
        return mark or MISSING
    return f"{row.rank} {mark}".rstrip()


def _score_cell(row: Row) -> Cell:
    score = None if row.standing is None else row.standing.score
    if score is None:
        return Cell(MISSING)
    return Cell(format_value(score.value, score.stderr if score.is_known else None), value=score.value)


def _search_text(row: Row) -> str:
    """How a row of the tuned track came to its hyperparameters: "20 trials, 84 s"."""
    if row.tuned is None:
        return MISSING
    studies = f"{row.tuned.studies} × " if row.tuned.studies > 1 else ""
    return f"{studies}{plural(row.tuned.trials, 'trial')}, {row.tuned.cost.cpu_seconds:.3g} s"


MARKED_TRIALS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of trials at which the table of searches has the best validation value."""


SEARCHES = (
    "Searches by the number of trials, on the validation split: the expected best value among n random trials, or the"
    " best so far of trials that depend on earlier ones; the median over studies"
)
"""What the table of searches shows."""


def search_table(board: Board) -> Table:
    """The searches behind the rows of the tuned track: what they cost, and the best validation value that n trials
    find. Empty where no row was tuned."""
    searches = [(row, row.tuned) for row in board.rows if row.tuned is not None]
    curves = [best_by_trials(tuned) for _, tuned in searches]
    longest = max(map(len, curves), default=0)
    marks = sorted({*(n for n in MARKED_TRIALS if n < longest), longest} - {0})
    columns = [
        Column("model", numeric=False, essential=True),
        Column("drawn by", numeric=False),
        Column("trials"),
        Column("trainings"),
        Column("search, s"),
        *(Column(f"best of {n}", essential=n == longest) for n in marks),
        Column("defaults, validation"),
    ]
    rows = [
        (
            Cell(clean(row.label)),
            Cell(clean(tuned.sampler)),
            Cell(f"{tuned.studies} × {tuned.trials}" if tuned.studies > 1 else str(tuned.trials)),
            Cell(str(tuned.cost.trainings), value=tuned.cost.trainings),
            Cell(f"{tuned.cost.cpu_seconds:.3g}", value=tuned.cost.cpu_seconds),
            *(_curve_cell(curve, n) for n in marks),
            _validation_cell(board.default_of(row), tuned.metric),
        )
        for (row, tuned), curve in zip(searches, curves, strict=True)
    ]
    return Table(tuple(columns), tuple(rows)).without_empty_columns()


def _curve_cell(curve: Sequence[float | None], trials: int) -> Cell:
    value = curve[trials - 1] if trials <= len(curve) else None
    return Cell(MISSING) if value is None else Cell(format_value(value), value=value)


def _validation_cell(row: Row | None, metric: str) -> Cell:
    """The validation value of the chosen checkpoints, mean over seeds."""
    value = None if row is None else row.chosen_on_validation(metric)
    return Cell(MISSING) if value is None else Cell(format_value(value), value=value)


def further_table(board: Board, footnotes: Footnotes) -> Table:
    """The metrics for which the main table has no place."""
    columns = [
        Column("model", numeric=False, essential=True),
        *(Column(metric.title, name=metric.name) for metric in board.further_metrics),
    ]
    rows = [
        (
            Cell(clean(row.label)),
            *(metric_cell(row, metric, footnotes) for metric in board.further_metrics),
        )
        for row in board.rows
    ]
    return _set_apart(board, columns, rows)


def metric_across(boards: Sequence[Board], name: str, footnotes: Footnotes) -> Table:
    """One metric over all data sets: a column for each, and a row for each model variant."""
    columns = [
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        *(Column(clean(board.setting.job.dataset), essential=True) for board in boards),
    ]
    by_board = [{row.label: row for row in board.rows} for board in boards]
    first_seen = {label: row for rows in by_board for label, row in rows.items()}
    contenders: list[tuple[Cell, ...]] = []
    calibration: list[tuple[Cell, ...]] = []
    for label, row in first_seen.items():
        cells = [Cell(clean(label)), Cell(clean(row.family))]
        for board, rows in zip(boards, by_board, strict=True):
            here = rows.get(label)
            cells.append(
                Cell(MISSING)
                if here is None
                else metric_cell(here, board.metrics[name], footnotes, with_column_note=True)
            )
        (calibration if row.is_calibration else contenders).append(tuple(cells))
    return Table(tuple(columns), tuple(contenders), tuple(calibration))


def cost_table(board: Board) -> Table:
    """Means over seeds; columns that are empty are left out. Peaks of memory are those of training and of sampling, of
    which the main table has the larger."""
    shown = [column for column in COST_COLUMNS if column.name not in ("peak_rss_bytes", "peak_cuda_bytes")]
    columns = [
        Column("model", numeric=False, essential=True),
        *(Column(column.heading, name=column.name) for column in shown),
        Column("bound by", numeric=False),
    ]
    rows = [
        (
            Cell(clean(row.label)),
            *(_cost_cell(row, column) for column in shown),
            Cell(", ".join(row.bound_by) or MISSING),
        )
        for row in board.rows
    ]
    return _set_apart(board, columns, rows).without_empty_columns()


def failure_table(board: Board) -> Table:
    """A row for each job that failed, with its reason: no failure is left out."""
    columns = (
        Column("failed", numeric=False, essential=True),
        Column("seed", essential=True),
        Column("status", numeric=False, essential=True),
        Column("reason", numeric=False, essential=True),
        Column("job", numeric=False),
    )
    rows = [
        (
            Cell(clean(row.label)),
            Cell(str(result.job.seed)),
            Cell(clean(result.status)),
            Cell(shorten(result.reason or "", _MAX_REASON_CHARACTERS) or MISSING),
            Cell(clean(result.id)),
        )
        for row in board.entrants
        for result in row.failures
    ]
    return Table(columns, tuple(rows))


def metric_cell(
    row: Row, metric: BoardMetric, footnotes: Footnotes, *, with_column_note: bool = False
) -> Cell:
    """Mean and standard error, with the mark of the likelihood kind and that of a failed audit.

    with_column_note: the note that all values share becomes a footnote of the cell, where no sentence about the column
    says it.
    """
    value = row.values.get(metric.name)
    if value is None:
        return Cell(MISSING)
    if value.mean is None:
        texts = (
            ["no mean, because the seeds have likelihoods of different kinds"]
            if value.by_seed
            else value.notes
        )
        return Cell(MISSING, notes=footnotes.numbers(texts))
    texts = list(value.notes)
    if with_column_note and metric.note is not None:
        texts = merge_notes([metric.note, *texts])
    if len(value.by_seed) < len(row.results):
        texts.append(
            f"mean over {len(value.by_seed)} of {len(row.results)} seeds, because the others have no value"
        )
    text = format_value(value.mean, value.stderr)
    if value.is_rough and value.stderr is not None:
        text = f"{text}{ROUGH}"
    if value.kind is not None:
        text = f"{likelihood_mark(value.kind)} {text}"
    if value.doubts:
        text = f"{text} {DOUBTED}"
        texts += [
            f"{clean(row.label)} fails the audit of its likelihood: {clean(doubt)}" for doubt in value.doubts
        ]
    return Cell(text, value=value.mean, best=value.is_best, notes=footnotes.numbers(texts))


def _set_apart(board: Board, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> Table:
    contenders = sum(not row.is_calibration for row in board.rows)
    return Table(tuple(columns), tuple(rows[:contenders]), tuple(rows[contenders:]))
