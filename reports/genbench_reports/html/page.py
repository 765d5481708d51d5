"""Makes the page: leaderboards, exhibits and charts in the form that the template reads.

jinja2 and plotly are imported with this module, which is loaded when an HTML report is asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from genbench.api import MetricCard
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.analysis.section import statistics_parts
from genbench_reports.charts.chart_data import chart_numbers
from genbench_reports.charts.palette import style_of
from genbench_reports.format.columns import metric_title
from genbench_reports.format.text import MISSING, clean
from genbench_reports.html.failures import failures_of
from genbench_reports.html.metric_facts import PITFALLS
from genbench_reports.html.overview_chart import overview_charts
from genbench_reports.html.packed import embedded_json, packed_plotly, plotly_source, script_hash
from genbench_reports.html.ranks import ranks_across
from genbench_reports.html.table_views import TableView, board_table, families_table, models_table
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.rows import Board
from genbench_reports.leaderboard.tables import SEARCHES
from genbench_reports.overview.document import READING_NOTES, Document, make_document
from genbench_reports.overview.leaders import Leader, leaders
from genbench_reports.samples.exhibits import NEIGHBOURS_CAPTION, Exhibit, make_exhibit

SCRIPTS = (
    "filter.js",
    "tables.js",
    "sections.js",
    "plotly.js",
    "label_places.js",
    "downloads.js",
    "charts.js",
    "search_chart.js",
    "closeups.js",
    "player.js",
    "start.js",
)
_MAX_ROOMY_ROWS = 150
"""With more rows on all boards together, secondary pictures become smaller, so that the page can still be sent."""


@dataclass(frozen=True)
class BoardView:
    """One leaderboard, as the template reads it."""

    leaderboard: Leaderboard
    """Its tables and sentences."""
    anchor: str
    """Anchor of its section."""
    table: TableView
    """All of its metrics and costs."""
    leader: Leader | None
    """The row that is ranked first; None where there are no ranks."""
    exhibit: Exhibit
    """Samples of its models."""
    numbers: dict[str, Any]
    """Data of its charts, as the scripts read them."""

    @property
    def no_leader(self) -> str:
        """Why no row is ranked first, in a few words."""
        if not self.leaderboard.board.contenders:
            return "no result of a model"
        if not any(row.results for row in self.leaderboard.board.contenders):
            return "no model finished"
        return clean(self.leaderboard.board.claim)

    @property
    def searches(self) -> TableView | None:
        """The searches behind the tuned rows; None where there are none."""
        table = self.leaderboard.searches
        families = {clean(row.label): clean(row.family) for row in self.leaderboard.board.rows}
        return models_table(table, families) if table.rows else None

    @property
    def has_search(self) -> bool:
        return bool(self.numbers["search"]["lines"])

    @property
    def has_curve(self) -> bool:
        return bool(self.numbers["curve"]["lines"])

    @property
    def has_trade(self) -> bool:
        trade = self.numbers["trade"]
        return bool(trade["axes"] and trade["metrics"])


@dataclass(frozen=True)
class StatisticsView:
    """One table of the statistics."""

    title: str
    """What it is about."""
    view: TableView
    """The table; without columns where there are sentences alone."""
    notes: tuple[str, ...]
    """What to know about it."""


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
    boards = _board_views(run, registry, document.leaderboards.boards)
    members = {
        clean(row.label): clean(row.family) for board in values for row in board.entrants
    }  # the families of all models
    families = sorted(set(members.values()), key=lambda family: (family == "baseline", family))
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
            overview=document.overview,
            families_table=families_table(document.overview),
            charts=overview_charts(document.overview),
            summaries=[
                (summary, models_table(summary.table, members)) for summary in document.leaderboards.summaries
            ],
            ranks=_ranks(values, members),
            statistics=_statistics(document, members),
            boards=boards,
            failures=failures_of(run, values),
            families=[(family, style_of(family)) for family in families],
            selections=_selections(values),
            metrics=_metrics(boards, registry.metrics),
            models=_models(values),
            reading_notes=READING_NOTES,
            neighbours_caption=NEIGHBOURS_CAPTION,
            searches_caption=SEARCHES,
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
    environment.filters |= {"clean": clean, "data_uri": _data_uri}
    environment.globals["MISSING"] = MISSING
    return environment


def _asset(folder: str, name: str) -> str:
    return resources.files("genbench_reports.html").joinpath(folder, name).read_text(encoding="utf-8")


def _data_uri(text: str, kind: str) -> str:
    """A file within a link, so that it can be saved without scripts."""
    return f"data:{kind};base64,{base64.b64encode(str(text).encode()).decode()}"


def _script() -> str:
    """Our scripts in one function, so that their names are private."""
    parts = "\n".join(_asset("assets", name) for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _board_views(run: Run, registry: Registry, leaderboards: Sequence[Leaderboard]) -> list[BoardView]:
    boards = [leaderboard.board for leaderboard in leaderboards]
    rows = sum(len(board.rows) for board in boards)
    room = min(1.0, _MAX_ROOMY_ROWS / max(1, rows))
    first = {id(leader.board): leader for leader in leaders(boards)}
    return [
        BoardView(
            leaderboard,
            f"board-{number}",
            board_table(leaderboard),
            first.get(id(leaderboard.board)),
            make_exhibit(run, leaderboard.board, registry, room),
            chart_numbers(leaderboard.board),
        )
        for number, leaderboard in enumerate(leaderboards, 1)
    ]


def _ranks(boards: Sequence[Board], members: Mapping[str, str]) -> TableView | None:
    """The ranks on every leaderboard; None where there is one leaderboard, or no rank."""
    has_ranks = any(board.ranked for board in boards)
    return models_table(ranks_across(boards), members) if len(boards) > 1 and has_ranks else None


def _selections(boards: Sequence[Board]) -> list[tuple[str, list[str]]]:
    """By what leaderboards can be chosen, and the values: only what they differ in."""
    found = {
        "hardware": {clean(board.setting.hardware) for board in boards},
        "protocol": {clean(board.setting.job.protocol) for board in boards},
    }
    return [(name, sorted(values)) for name, values in found.items() if len(values) > 1]


def _statistics(document: Document, members: Mapping[str, str]) -> list[StatisticsView]:
    """What the Markdown report has too, without the scores, which stand among what is about all data sets."""
    scores = [summary.table for summary in document.leaderboards.summaries]
    return [
        StatisticsView(part.title, models_table(part.table, members), part.notes)
        for part in statistics_parts(document.leaderboards)
        if part.table not in scores
    ]


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
