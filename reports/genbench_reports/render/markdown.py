"""The leaderboard document as GitHub-flavoured markdown, for committing and reading on a forge.

Names, reasons and notes come from plugins: all of them are escaped, so that they stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from genbench.api import MetricCard
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.analysis.part import StatisticsPart
from genbench_reports.analysis.section import statistics_parts
from genbench_reports.format.columns import metric_title
from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import clean, superscript
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.tables import SEARCHES
from genbench_reports.overview.document import READING_NOTES, Document, make_document

# characters that can begin markup within a line: backslash, code, emphasis, links, HTML, cells, strikethrough, maths
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$])")
_LINE_START = re.compile(r"^([#+=-]|\d+(?=[.)]))")
_AUTOLINK = re.compile(r"(?i)(://|\bwww\.)")


def escape(text: str) -> str:
    """One line of text that markdown shows as it is."""
    escaped = _SPECIAL.sub(r"\\\1", clean(text).replace("&", "&amp;"))
    escaped = escaped.replace(r"\<", "&lt;").replace(r"\>", "&gt;")
    return _AUTOLINK.sub(lambda match: match[0].replace("://", "&#58;//").replace(".", "&#46;"), escaped)


def escape_line(text: str) -> str:
    """Escape text that begins a line, where "#" and "-" have a meaning too."""
    return _LINE_START.sub(lambda m: "\\" + m[1] if not m[1].isdigit() else m[1] + "\\", escape(text))


def code(text: str) -> str:
    """A code span, with a fence longer than any in the text."""
    cleaned = clean(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", cleaned)), default=0))
    padding = " " if cleaned.startswith("`") or cleaned.endswith("`") else ""
    return f"{fence}{padding}{cleaned}{padding}{fence}"


def render_markdown(run: Run, registry: Registry) -> str:
    """The report card's factory."""
    return document_markdown(make_document(run, registry), registry.metrics)


def document_markdown(document: Document, cards: dict[str, MetricCard]) -> str:
    """The first screen; command, date and machine; the summaries; each data set; what the columns mean."""
    blocks = [f"# {escape(document.title)}", *_overview(document), _heading(document)]
    if not document.leaderboards.boards:
        blocks.append("There are no results.")
    for summary in document.leaderboards.summaries:
        blocks += [
            f"## {escape(summary.title)}",
            escape_line(summary.verdict),
            table_markdown(summary.table),
            bullets(escape_line(note) for note in summary.notes),
        ]
    for board in document.leaderboards.boards:
        blocks += _board(board)
    blocks += statistics_markdown(statistics_parts(document.leaderboards))
    shown = dict.fromkeys(name for board in document.leaderboards.boards for name in board.metrics)
    if document.has_values:
        blocks += ["## How to read this", bullets(escape_line(note) for note in READING_NOTES)]
    meanings = [
        f"**{escape(metric_title(name, cards[name].better))}** ({code(name)}, {escape(cards[name].unit)}):"
        f" {escape(cards[name].summary)}"
        for name in shown
        if name in cards
    ]
    if meanings:
        blocks.append(bullets(meanings))
    return "\n\n".join(block for block in blocks if block) + "\n"


def statistics_markdown(parts: Sequence[StatisticsPart]) -> list[str]:
    """The blocks of the statistics section; none where there are no parts."""
    blocks = ["## Statistics"] if parts else []
    for part in parts:
        blocks += [f"### {escape(part.title)}", table_markdown(part.table)]
        blocks.append(bullets(escape_line(note) for note in part.notes))
    return blocks


def table_markdown(table: Table) -> str:
    """A pipe table. Calibration rows follow a row that announces them."""
    from tabulate import tabulate

    rows = [[_cell(cell) for cell in row] for row in table.rows]
    if table.calibration:
        titles = [column.title for column in table.columns]
        name = titles.index("model") if "model" in titles else 0
        rows.append([f"*{escape(table.apart)}*" if index == name else "" for index in range(len(titles))])
        rows += [[_cell(cell) for cell in row] for row in table.calibration]
    if not rows:
        return ""
    return tabulate(
        rows,
        headers=[escape(column.title) for column in table.columns],
        tablefmt="pipe",
        colalign=["right" if column.numeric else "left" for column in table.columns],
        disable_numparse=True,
    )


def _cell(cell: Cell) -> str:
    """Notes are within the bold type: CommonMark takes no `**` for its end between a mark such as "~" and a digit."""
    text = escape(cell.text) + " ".join(superscript(note) for note in cell.notes)
    return f"**{text}**" if cell.best else text


def _overview(document: Document) -> Iterable[str]:
    """The verdict, the families, the leaders, what failed."""
    overview = document.overview
    yield f"**{escape_line(overview.verdict)}**"
    yield escape_line(overview.setting)
    yield table_markdown(overview.table)
    yield bullets(escape_line(note) for note in overview.notes)
    if len(overview.leaders) > 1:
        yield table_markdown(overview.leader_table)
    yield escape_line(overview.failure_line)


def _heading(document: Document) -> str:
    lines = [f"Command: {code(command)}" for command in document.commands]
    if document.dates:
        lines.append(f"Date: {escape(document.dates)}")
    lines += [f"Machine: {escape(line)}" for line in document.machines]
    lines += [f"Software: {escape(line)}" for line in document.software]
    lines.append(f"Jobs: {escape(document.status)}")
    lines += [f"**{escape(caution)}**" for caution in document.cautions]
    return bullets(lines)


def _board(board: Leaderboard) -> Iterable[str]:
    yield f"## {escape(board.title)}"
    yield escape_line(board.caption)
    yield table_markdown(board.main)
    yield bullets([*(escape_line(note) for note in board.notes), *_footnotes(board.footnotes)])
    if board.searches.rows:
        yield f"{SEARCHES}:"
        yield table_markdown(board.searches)
    if board.main.rows or board.main.calibration:
        yield "Cost, mean over seeds:"
        yield table_markdown(board.cost)
        if len(board.further.columns) > 1:
            yield "Further metrics:"
            yield table_markdown(board.further)
            yield bullets(
                [*(escape_line(note) for note in board.further_notes), *_footnotes(board.further_footnotes)]
            )
    if board.failures.rows:
        yield "Failed jobs:"
        yield table_markdown(board.failures)
    if board.unsupported:
        yield escape_line(board.unsupported)


def _footnotes(texts: Sequence[str]) -> list[str]:
    return [f"{superscript(number)} {escape(text)}" for number, text in enumerate(texts, 1)]


def bullets(lines: Iterable[str]) -> str:
    """A bulleted list of lines that are markdown already."""
    return "\n".join(f"- {line}" for line in lines)
