"""Leaderboards on the screen. Text from plugins becomes `Text` objects and is never interpreted as rich markup."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from genbench_reports.analysis.model_groups import NO_GROUPS, GroupTable
from genbench_reports.analysis.part import StatisticsPart
from genbench_reports.format.likelihood_marks import marks_legend
from genbench_reports.format.table import Cell, Footnotes, Table
from genbench_reports.format.text import clean, superscript
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.tables import metric_across
from genbench_reports.overview.document import READING_NOTES, Document

_PADDING = 3
_NAME_WIDTH = 24
"""Names and reasons are folded to this width before a column is left out."""


def print_document(document: Document, console: Console) -> None:
    """Every leaderboard, then the summaries, so that the overview comes last on the screen."""
    if not document.leaderboards.boards:
        console.print(Text("There are no results."))
    for board in document.leaderboards.boards:
        print_leaderboard(board, console)
    for summary in document.leaderboards.summaries:
        console.print()
        console.print(Text(clean(summary.title), style="bold"))
        console.print(Text(summary.verdict))
        print_table(summary.table, console)
        for note in summary.notes:
            _note(note, console)
    if document.leaderboards.boards:
        console.print()
    for note in READING_NOTES if document.leaderboards.boards else ():
        _note(note, console)
    for line in (*document.machines, *document.software):
        _note(clean(line), console)
    for caution in document.cautions:
        console.print(Text(caution, style="yellow"))
    console.print(Text(document.status))


def print_metric(document: Document, name: str, console: Console) -> None:
    """One metric, with a column for each data set that has it."""
    boards = [each.board for each in document.leaderboards.boards if each.board.has_values(name)]
    if not boards:
        console.print(Text(f"No result has a value of {name}."))
        return
    footnotes = Footnotes()
    table = metric_across(boards, name, footnotes)
    console.print(Text(boards[0].metrics[name].title, style="bold"))
    print_table(table, console)
    for number, text in enumerate(footnotes.texts, 1):
        _note(f"{superscript(number)} {text}", console)
    values = [row.values[name] for board in boards for row in board.rows if name in row.values]
    kinds = [value.kind for value in values if value.kind is not None]
    if kinds:
        _note(f"{marks_legend(kinds)}. Kinds are not ranked against each other.", console)


def print_statistics(parts: Sequence[StatisticsPart], console: Console) -> None:
    """The statistics section."""
    if not parts:
        console.print(
            Text("There are no statistics: they take 3 seeds of two models, or 3 data sets with ranks.")
        )
    for part in parts:
        console.print()
        console.print(Text(clean(part.title), style="bold"))
        print_table(part.table, console)
        for note in part.notes:
            _note(note, console)


def print_groups(groups: Sequence[GroupTable], console: Console) -> None:
    """Models grouped by a field of their cards."""
    if not groups:
        console.print(Text(NO_GROUPS))
    for group in groups:
        console.print()
        console.print(Text(clean(group.title), style="bold"))
        print_table(group.table, console)
        for note in group.notes:
            _note(note, console)


def print_leaderboard(board: Leaderboard, console: Console) -> None:
    """One data set: the main table, the costs, the failures, and notes on them."""
    console.print()
    console.print(Text(clean(board.title), style="bold"))
    _note(board.caption, console)
    print_table(board.main, console)
    for note in board.notes:
        _note(note, console)
    for number, text in enumerate(board.footnotes, 1):
        _note(f"{superscript(number)} {text}", console)
    if board.main.rows or board.main.calibration:
        print_table(board.cost, console)
    if board.failures.rows:
        print_table(board.failures, console, style="red")
    if board.unsupported:
        _note(board.unsupported, console)


def print_table(table: Table, console: Console, style: str = "") -> None:
    """As many columns as fit on the screen; a line names the columns that are left out."""
    if not (table.rows or table.calibration):
        return
    kept = _fitting(table, console.width)
    shown = table.select(kept)
    drawn = RichTable(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False, style=style)
    for column in shown.columns:
        drawn.add_column(
            Text(clean(column.title)),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric,
            overflow="ellipsis" if column.numeric else "fold",
        )
    for row in shown.rows:
        drawn.add_row(*(_text(cell) for cell in row))
    if shown.rows and shown.calibration:
        drawn.add_section()
    for row in shown.calibration:
        drawn.add_row(*(_text(cell) for cell in row), style="dim")
    console.print(drawn)
    missing = [clean(column.title) for index, column in enumerate(table.columns) if index not in set(kept)]
    if missing:
        _note(f"No room for: {', '.join(missing)}. A wider screen or leaderboard.md shows them.", console)


def _fitting(table: Table, width: int) -> list[int]:
    """Indices of the columns to show: those that are not essential are left out from the right until the rest fits."""
    kept = list(range(len(table.columns)))
    widths = [_column_width(table, index) for index in kept]
    optional = [index for index in reversed(kept) if not table.columns[index].essential]
    while optional and sum(widths[index] + _PADDING for index in kept) - _PADDING > width:
        kept.remove(optional.pop(0))
    return kept


def _column_width(table: Table, index: int) -> int:
    column = table.columns[index]
    cells = [_text(row[index]).cell_len for row in (*table.rows, *table.calibration)]
    natural = max([cell_len(column.title), *cells])
    return natural if column.numeric else min(natural, max(_NAME_WIDTH, cell_len(column.title)))


def _text(cell: Cell) -> Text:
    text = Text(clean(cell.text), style="bold green" if cell.best else "")
    if cell.notes:
        text.append(" ".join(superscript(note) for note in cell.notes), style="not bold yellow")
    return text


def _note(text: str, console: Console) -> None:
    console.print(Text(text, style="dim"))
