"""The tables of one leaderboard: figures, costs, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from genbench_reports.format.columns import COST_COLUMNS, LIKELIHOOD_METRICS, CostColumn, metric_title
from genbench_reports.format.likelihood_marks import DOUBTED, likelihood_mark
from genbench_reports.format.numbers import format_value
from genbench_reports.format.table import Cell, Column, Footnotes, Table, best_values
from genbench_reports.format.text import MISSING, clean, shorten
from genbench_reports.leaderboard.entries import Entry
from genbench_reports.leaderboard.merge_notes import merge_notes
from genbench_reports.leaderboard.standings import Standings

COPIED_SHARE_FLAG = 0.1
"""A row is said to copy where this much more of its samples than of real data equal a training example."""
_REASON_LENGTH = 100

Bests = Mapping[str | None, float | None]


def main_table(standings: Standings, names: Sequence[str], footnotes: Footnotes) -> Table:
    """Rank, model and family, then the metrics."""
    essential = (standings.headline, *LIKELIHOOD_METRICS)
    columns = [
        Column("rank", numeric=False, essential=True),
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        *(_metric_column(standings, name, essential=name in essential) for name in names),
    ]
    heads = [
        (
            Cell(str(standings.ranking.ranks.get(entry.label, MISSING))),
            Cell(clean(entry.label), notes=footnotes.numbers(_row_notes(entry))),
            Cell(clean(entry.family)),
        )
        for entry in standings.ordered
    ]
    return _with_metrics(standings, columns, heads, names, footnotes)


def further_table(standings: Standings, names: Sequence[str], footnotes: Footnotes) -> Table:
    """The metrics for which the main table has no place."""
    columns = [
        Column("model", numeric=False, essential=True),
        *(_metric_column(standings, name, essential=False) for name in names),
    ]
    heads = [(Cell(clean(entry.label)),) for entry in standings.ordered]
    return _with_metrics(standings, columns, heads, names, footnotes)


def metric_across(boards: Sequence[Standings], name: str, footnotes: Footnotes) -> Table:
    """One metric over all data sets: a column each, a row for each model variant."""
    columns = [
        Column("model", numeric=False, essential=True),
        Column("family", numeric=False),
        *(Column(clean(board.table.setting.job.dataset), essential=True) for board in boards),
    ]
    bests = [_best_by_kind(board, name) for board in boards]
    by_board = [{entry.label: entry for entry in board.ordered} for board in boards]
    first_seen = {label: entry for entries in by_board for label, entry in entries.items()}
    rows: list[tuple[Cell, ...]] = []
    calibration: list[tuple[Cell, ...]] = []
    for label, entry in first_seen.items():
        cells = [Cell(clean(label)), Cell(clean(entry.family))]
        for entries, best in zip(by_board, bests, strict=True):
            here = entries.get(label)
            cells.append(Cell(MISSING) if here is None else _metric_cell(here, name, best, None, footnotes))
        (calibration if entry.is_calibration else rows).append(tuple(cells))
    return Table(tuple(columns), tuple(rows), tuple(calibration))


def cost_table(standings: Standings) -> Table:
    """Means over seeds; columns that nobody measured are left out."""
    columns = [
        Column("model", numeric=False, essential=True),
        *(Column(column.heading) for column in COST_COLUMNS),
        Column("bound by", numeric=False),
    ]
    bests = [_best_cost(standings, column) for column in COST_COLUMNS]
    rows: list[tuple[Cell, ...]] = []
    for entry in standings.ordered:
        cells = [Cell(clean(entry.label))]
        for column, best in zip(COST_COLUMNS, bests, strict=True):
            estimate = entry.cost(column.read)
            value = None if estimate is None else estimate.mean
            is_best = not entry.is_calibration and value is not None and value == best
            cells.append(Cell(column.write(value), value=value, best=is_best))
        limits = {clean(result.cost.bound_by) for result in entry.results if result.cost.bound_by}
        cells.append(Cell(", ".join(sorted(limits)) or MISSING))
        rows.append(tuple(cells))
    return _set_apart(standings, columns, rows).without_empty_columns()


def failure_table(standings: Standings) -> Table:
    """A row for each job that failed, with its reason: failures never vanish."""
    columns = (
        Column("failed", numeric=False, essential=True),
        Column("seed", essential=True),
        Column("status", numeric=False, essential=True),
        Column("reason", numeric=False, essential=True),
        Column("job", numeric=False),
    )
    rows = [
        (
            Cell(clean(entry.label)),
            Cell(str(result.job.seed)),
            Cell(clean(result.status)),
            Cell(shorten(result.reason or "", _REASON_LENGTH) or MISSING),
            Cell(clean(result.id)),
        )
        for entry in standings.table.entries
        for result in entry.failures
    ]
    return Table(columns, tuple(rows))


def uniform_note(standings: Standings, name: str) -> str | None:
    """A note that every value of the metric carries: it belongs to the column, not to each cell."""
    notes = {figure.note for figure in standings.figures(name) if figure.value is not None}
    note = notes.pop() if len(notes) == 1 else None
    return None if note is None else clean(note)


def _metric_column(standings: Standings, name: str, *, essential: bool) -> Column:
    return Column(metric_title(name, standings.better(name)), essential=essential)


def _with_metrics(
    standings: Standings,
    columns: Sequence[Column],
    heads: Sequence[tuple[Cell, ...]],
    names: Sequence[str],
    footnotes: Footnotes,
) -> Table:
    bests = {name: _best_by_kind(standings, name) for name in names}
    uniform = {name: uniform_note(standings, name) for name in names}
    rows = [
        head + tuple(_metric_cell(entry, name, bests[name], uniform[name], footnotes) for name in names)
        for head, entry in zip(heads, standings.ordered, strict=True)
    ]
    return _set_apart(standings, columns, rows)


def _set_apart(standings: Standings, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> Table:
    contenders = sum(not entry.is_calibration for entry in standings.ordered)
    return Table(tuple(columns), tuple(rows[:contenders]), tuple(rows[contenders:]))


def _row_notes(entry: Entry) -> list[str]:
    texts = []
    if entry.failures:
        total = len(entry.results) + len(entry.failures)
        texts.append(f"mean over {len(entry.results)} of {total} seeds, the others failed; not ranked")
    copied = entry.estimate("copied_share")
    if copied is not None:
        real = max((figure.real or 0.0 for figure in entry.figures("copied_share").values()), default=0.0)
        if copied.mean > COPIED_SHARE_FLAG + real:
            beside = f", of held-out real data {real:.0%}" if real else ""
            texts.append(
                f"copies training data: {copied.mean:.0%} of its samples equal a training example{beside}"
            )
    for result in entry.results:
        seed = f"seed {result.job.seed}: " if len(entry.results) > 1 else ""
        texts += [f"{clean(entry.label)}: {seed}{clean(warning)}" for warning in result.warnings]
    return texts


def _metric_cell(entry: Entry, name: str, bests: Bests, uniform: str | None, footnotes: Footnotes) -> Cell:
    figures = entry.figures(name)
    estimate, kind = entry.estimate(name), entry.kind(name)
    texts = [clean(figure.note) for figure in figures.values() if figure.note]
    if estimate is None:
        if any(figure.value is not None for figure in figures.values()):
            texts = ["no mean: the seeds have likelihoods of different kinds"]
        return Cell(MISSING, notes=footnotes.numbers(merge_notes(texts)))
    texts = merge_notes([text for text in texts if text != uniform])
    if estimate.n < len(entry.results):
        texts.append(f"mean over the {estimate.n} of {len(entry.results)} seeds that have a value")
    text = format_value(estimate.mean, estimate.stderr)
    if kind is not None:
        text = f"{likelihood_mark(kind)} {text}"
    if doubts := entry.doubts(name):
        text = f"{text} {DOUBTED}"
        texts += [
            f"{clean(entry.label)} fails the audit of its likelihood: {clean(doubt)}" for doubt in doubts
        ]
    contends = not entry.is_calibration and entry.is_complete(name)
    best = contends and estimate.mean == bests.get(kind)
    return Cell(text, value=estimate.mean, best=best, notes=footnotes.numbers(texts))


def _best_by_kind(standings: Standings, name: str) -> Bests:
    """The best value among complete contenders, for each likelihood kind (None: not a likelihood)."""
    values: dict[str | None, list[float]] = {}
    for entry in standings.ordered:
        estimate = entry.estimate(name)
        if estimate is not None and not entry.is_calibration and entry.is_complete(name):
            values.setdefault(entry.kind(name), []).append(estimate.mean)
    return {kind: best_values(members, standings.better(name)) for kind, members in values.items()}


def _best_cost(standings: Standings, column: CostColumn) -> float | None:
    estimates = [entry.cost(column.read) for entry in standings.ordered if not entry.is_calibration]
    return best_values([estimate.mean for estimate in estimates if estimate is not None], column.better)
