"""Makes the page: leaderboards, exhibits and charts in the form that the template reads.

jinja2 and plotly are imported with this module, which is loaded when an HTML report is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from genbench.api import MetricCard
from genbench.plugin.registry import Registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.charts.chart_data import chart_numbers
from genbench_reports.charts.palette import style_of
from genbench_reports.format.columns import metric_title
from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import MISSING, clean, log_tail, shorten
from genbench_reports.html.metric_facts import PITFALLS
from genbench_reports.html.overview import facts, ranks_across
from genbench_reports.html.packed import embedded_json, packed_plotly, plotly_source, script_hash
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.summary import Summary
from genbench_reports.overview.document import READING_NOTES, make_document
from genbench_reports.overview.leaders import leaders
from genbench_reports.samples.exhibits import NEIGHBOURS_CAPTION, Exhibit, make_exhibit

SCRIPTS = ("filter.js", "tables.js", "plotly.js", "charts.js", "closeups.js", "player.js", "start.js")
_MAX_ROOMY_ROWS = 150
"""With more rows on all boards together, secondary pictures become smaller, so that the page can still be sent."""
_MAX_LOGS, _MAX_LOG_LINE_CHARACTERS = 60, 240
"""How many failures show the end of their log, and how much of each line."""


@dataclass(frozen=True)
class TableView:
    """A table whose rows know their model."""

    table: Table
    """The table."""
    metrics: tuple[str | None, ...]
    """For each column the name of its metric, or None."""
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    """Rows that compete: label, family, cells."""
    calibration: tuple[tuple[str, str, tuple[Cell, ...]], ...] = ()
    """Rows that do not."""


@dataclass(frozen=True)
class BoardView:
    """One leaderboard, as the template reads it."""

    leaderboard: Leaderboard
    """Its tables and sentences."""
    anchor: str
    """Anchor of its section."""
    main: TableView
    """The main table."""
    cost: TableView
    """The table of costs."""
    further: TableView
    """The metrics for which the main table has no place."""
    exhibit: Exhibit
    """Samples of its models."""
    numbers: dict[str, Any]
    """Data of its two charts, as the scripts read them."""

    @property
    def has_curve(self) -> bool:
        return bool(self.numbers["curve"]["lines"])

    @property
    def has_trade(self) -> bool:
        trade = self.numbers["trade"]
        return bool(trade["axes"] and trade["metrics"])


@dataclass(frozen=True)
class Failure:
    """A job that failed."""

    dataset: str
    """Title of its leaderboard."""
    label: str
    """Label of its row."""
    family: str
    """Family of its model."""
    result: Result
    """Its record."""
    reason: str
    """The reason, shortened."""
    log: list[str] | None
    """The last lines of its log; None where there are too many failures to show them all."""


@dataclass(frozen=True)
class MetricView:
    """A metric in the section that explains metrics."""

    name: str
    """Name on its card."""
    title: str
    """Heading of its column."""
    card: MetricCard
    """Its card."""
    direction: str
    """The better direction in words."""
    pitfall: str
    """What to mind; empty for metrics of other plugins."""


_DIRECTIONS = {
    "lower": "lower is better",
    "higher": "higher is better",
    "neither": "neither direction is better",
}


def render_html(run: Run, registry: Registry) -> str:
    """The report card's factory: one file that needs no network."""
    document = make_document(run, registry)
    values = [leaderboard.board for leaderboard in document.leaderboards.boards]
    sources = sum(len(board.rows) for board in values)
    room = min(1.0, _MAX_ROOMY_ROWS / max(1, sources))
    boards = [
        _board_view(run, leaderboard, f"board-{number}", room)
        for number, leaderboard in enumerate(document.leaderboards.boards, 1)
    ]
    families = sorted(
        {clean(row.family) for board in values for row in board.entrants},
        key=lambda family: (family == "baseline", family),
    )
    data = {
        "families": {family: vars(style_of(family)) for family in families},
        "boards": [
            {"title": clean(view.leaderboard.title), **view.numbers, "closeup": view.exhibit.chart}
            for view in boards
        ],
    }
    script = _script()
    return (
        _environment()
        .from_string(_asset("templates", "page.html.j2"))
        .render(
            document=document,
            facts=facts(values),
            leaders=leaders(values),
            summaries=[(summary, _summary_view(summary)) for summary in document.leaderboards.summaries],
            ranks=_ranks_view(values),
            boards=boards,
            failures=_failures(run, values),
            families=[(family, style_of(family)) for family in families],
            metrics=_metrics(boards, registry.metrics),
            models=_models(values),
            reading_notes=READING_NOTES,
            neighbours_caption=NEIGHBOURS_CAPTION,
            style=_asset("assets", "style.css"),
            script=script,
            data=embedded_json(data),
            plotly=packed_plotly(),
            script_hashes=[script_hash(script), script_hash(plotly_source())],
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """Everything is escaped unless it is marked safe, and only our own files are marked."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(lambda name: _asset("templates", name)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clean": clean, "sort_key": _sort_key}
    environment.globals["MISSING"] = MISSING
    return environment


def _asset(folder: str, name: str) -> str:
    return resources.files("genbench_reports.html").joinpath(folder, name).read_text(encoding="utf-8")


def _script() -> str:
    """Our scripts in one function, so that their names are private."""
    parts = "\n".join(_asset("assets", name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _board_view(run: Run, leaderboard: Leaderboard, anchor: str, room: float) -> BoardView:
    board = leaderboard.board
    return BoardView(
        leaderboard,
        anchor,
        _table_view(leaderboard.main, board),
        _table_view(leaderboard.cost, board),
        _table_view(leaderboard.further, board),
        make_exhibit(run, board, room),
        chart_numbers(board),
    )


def _table_view(table: Table, board: Board) -> TableView:
    """The rows of the table are those of the board, in its order."""
    names = [(clean(row.label), clean(row.family)) for row in board.rows]
    metrics = tuple(column.name if column.name in board.metrics else None for column in table.columns)
    rows = [
        (label, family, cells)
        for (label, family), cells in zip(names, (*table.rows, *table.calibration), strict=True)
    ]
    return TableView(table, metrics, tuple(rows[: len(table.rows)]), tuple(rows[len(table.rows) :]))


def _summary_view(summary: Summary) -> TableView:
    rows = tuple((row[1].text, row[2].text, row) for row in summary.table.rows)
    return TableView(summary.table, (None,) * len(summary.table.columns), rows)


def _ranks_view(boards: Sequence[Board]) -> TableView | None:
    if len(boards) < 2:
        return None
    table = ranks_across(boards)
    rows = tuple((row[0].text, row[1].text, row) for row in table.rows)
    return TableView(table, (None,) * len(table.columns), rows)


def _sort_key(cell: Cell) -> str:
    """What a column is sorted by: the value or the text; "" for a missing value."""
    if cell.text == MISSING:
        return ""
    if cell.value is not None:
        return repr(cell.value)
    return cell.text


def _failures(run: Run, boards: Sequence[Board]) -> list[Failure]:
    found: list[Failure] = []
    for board in boards:
        for row in board.entrants:
            for result in row.failures:
                log = None
                if len(found) < _MAX_LOGS:
                    log = [_cut(line) for line in log_tail(run.log_path(result.job))]
                reason = shorten(result.reason or "", 500) or MISSING
                found.append(
                    Failure(clean(board.title), clean(row.label), clean(row.family), result, reason, log)
                )
    return found


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_LOG_LINE_CHARACTERS else line[: _MAX_LOG_LINE_CHARACTERS - 1] + "…"


def _metrics(boards: Sequence[BoardView], cards: Mapping[str, MetricCard]) -> list[MetricView]:
    shown = dict.fromkeys(name for view in boards for name in view.leaderboard.metrics)
    return [
        MetricView(
            name,
            metric_title(name, cards[name].better),
            cards[name],
            _DIRECTIONS[cards[name].better],
            PITFALLS.get(name, ""),
        )
        for name in shown
        if name in cards
    ]


def _models(boards: Sequence[Board]) -> list[tuple[str, str, str, str]]:
    """(label, family, version, hyperparameters), without repetition."""
    found: dict[tuple[str, str, str, str], None] = {}
    for board in boards:
        for row in board.entrants:
            job = row.job
            settings = ", ".join(f"{name}={value}" for name, value in job.hyperparameters.items())
            found[
                clean(row.label), clean(row.family), clean(job.model_version), clean(settings) or MISSING
            ] = None
    return list(found)
