"""Leaderboards on the screen: the first screen, then everything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from genbench_reports.analysis.model_groups import NO_GROUPS, GroupTable
from genbench_reports.analysis.part import StatisticsPart
from genbench_reports.format.likelihood_marks import ROUGH, marks_legend
from genbench_reports.format.table import Footnotes, Table
from genbench_reports.format.text import clean, plural, superscript
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.leaderboard.tables import SEARCHES, metric_across
from genbench_reports.overview.document import READING_NOTES, Document
from genbench_reports.render.terminal_table import print_table


def print_overview(document: Document, console: Console, run: Path | None = None) -> None:
    """The first screen: verdict, families, leaders, failures. run: the folder that the commands for more are about."""
    overview = document.overview
    setting = f" · {overview.setting}" if overview.setting else ""
    console.print(Text.assemble((clean(document.title), "bold"), setting))
    console.print(Text(overview.verdict, style="bold"))
    if overview.families:
        console.print()
        print_table(overview.table, console, fold=False)
        for note in overview.notes:
            _note(note, console)
    if len(overview.leaders) > 1:
        console.print()
        print_table(overview.leader_table, console, fold=False)
    failed = (f" {overview.failure_line}", "red") if overview.failure_line else ""
    console.print(Text.assemble(document.status, failed))
    for caution in document.cautions:
        console.print(Text(caution, style="yellow"))
    if run is not None:
        console.print()
        for line in _where_the_rest_is(run):
            console.print(Text(line), soft_wrap=True)


def _where_the_rest_is(run: Path) -> Iterable[str]:
    folder = clean(str(run))
    commands = {
        f"genai-bench show {folder}": "every data set; --wide: every column",
        f"genai-bench report {folder} --format html -o report.html": "a page with charts and samples",
        f"{folder}/leaderboard.md": "the same as text; and results.csv",
    }
    width = max(map(len, commands))
    return [f"{command:<{width}}  {what}" for command, what in commands.items()]


def print_document(document: Document, console: Console, *, wide: bool = False) -> None:
    """The first screen, every leaderboard, and the summaries. wide: with further metrics, costs, and every column."""
    print_overview(document, console)
    if not document.leaderboards.boards:
        console.print(Text("There are no results."))
    for board in document.leaderboards.boards:
        print_leaderboard(board, console, wide=wide)
    for summary in document.leaderboards.summaries:
        console.print()
        console.print(Text(clean(summary.title), style="bold"))
        console.print(Text(summary.verdict))
        print_table(summary.table, console, wide=wide)
        for note in summary.notes:
            _note(note, console)
    if document.leaderboards.boards:
        console.print()
    for note in READING_NOTES if document.has_values else ():
        _note(note, console)
    for line in (*document.machines, *document.software):
        _note(clean(line), console)


def print_metric(document: Document, name: str, console: Console, *, wide: bool = False) -> None:
    """One metric, with a column for each data set that has it."""
    boards = [each.board for each in document.leaderboards.boards if each.board.has_values(name)]
    if not boards:
        console.print(Text(f"No result has a value of {name}."))
        return
    footnotes = Footnotes()
    table = metric_across(boards, name, footnotes)
    console.print(Text(boards[0].metrics[name].title, style="bold"))
    print_table(table, console, wide=wide)
    for number, text in enumerate(footnotes.texts, 1):
        _note(f"{superscript(number)} {text}", console)
    values = [row.values[name] for board in boards for row in board.rows if name in row.values]
    kinds = [value.kind for value in values if value.kind is not None]
    if kinds:
        _note(f"{marks_legend(kinds)}. Kinds are not ranked against each other.", console)


def print_statistics(parts: Sequence[StatisticsPart], console: Console, *, wide: bool = False) -> None:
    """The statistics section."""
    if not parts:
        console.print(
            Text("There are no statistics: they take 3 seeds of two models, or 3 data sets with ranks.")
        )
    for part in parts:
        console.print()
        console.print(Text(clean(part.title), style="bold"))
        print_table(part.table, console, wide=wide)
        for note in part.notes:
            _note(note, console)


def print_groups(groups: Sequence[GroupTable], console: Console, *, wide: bool = False) -> None:
    """Models grouped by a field of their cards."""
    if not groups:
        console.print(Text(NO_GROUPS))
    for group in groups:
        console.print()
        console.print(Text(clean(group.title), style="bold"))
        print_table(group.table, console, wide=wide)
        for note in group.notes:
            _note(note, console)


def print_leaderboard(board: Leaderboard, console: Console, *, wide: bool = False) -> None:
    """One data set: the main table and notes on it, the failures, and what else there is. wide: that, too."""
    console.print()
    console.print(Text(clean(board.title), style="bold"))
    _note(board.caption, console)
    _notes(board.notes, board.footnotes, print_table(board.main, console, wide=wide), console)
    if board.searches.rows:
        console.print(Text(SEARCHES))
        print_table(board.searches, console, wide=wide)
    if board.failures.rows:
        print_table(board.failures, console, style="red", wide=wide)
    if board.unsupported:
        _note(board.unsupported, console)
    if not (board.main.rows or board.main.calibration):
        return
    further = len(board.board.further_metrics)
    if not wide:
        metrics = f" and {plural(further, 'further metric')}" if further else ""
        _note(f"Not shown: costs in detail{metrics}. --wide shows all.", console)
        return
    console.print(Text("Costs, mean over seeds"))
    print_table(board.cost, console, wide=True)
    if further:
        console.print(Text("Further metrics"))
        printed = print_table(board.further, console, wide=True)
        _notes(board.further_notes, board.further_footnotes, printed, console)


def _notes(
    notes: Iterable[str], footnotes: Iterable[str], printed: Sequence[Table], console: Console
) -> None:
    """What to know about the table above, as far as it was printed: columns that there was no room for take their
    footnotes and marks with them."""
    cells = [cell for table in printed for row in (*table.rows, *table.calibration) for cell in row]
    numbers = {number for cell in cells for number in cell.notes}
    has_rough = any(ROUGH in cell.text for cell in cells)
    for note in notes:
        if has_rough or not note.startswith(f"{ROUGH}:"):
            _note(note, console)
    for number, text in enumerate(footnotes, 1):
        if number in numbers:
            _note(f"{superscript(number)} {text}", console)


def _note(text: str, console: Console) -> None:
    console.print(Text(text, style="dim"))
