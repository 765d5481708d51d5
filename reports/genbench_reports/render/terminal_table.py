"""Tables on the screen: all of a table as far as there is room, and a line that names what there is no room for.

Text from plugins becomes `Text` objects and is never interpreted as rich markup. Where the console's encoding lacks a
character, its stand-in is measured and printed (`genbench.util.stand_ins`), so that columns align in ASCII too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table as RichTable
from rich.text import Text

from genbench.util.stand_ins import writable
from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import clean, named, superscript

_GAP = 2
"""Blanks between columns."""
_NAME_WIDTH = 24
"""Names and reasons are folded to this width before anything is left out."""
_Line = Sequence[tuple[str, Style]]
"""A line of a cell: texts and their styles."""
_BEST, _NOTES = Style(bold=True, color="green"), Style(bold=False, color="yellow")
_ERROR = re.compile(r"±[\d.e+-]+~?")


def print_table(
    table: Table, console: Console, style: str = "", *, wide: bool = False, fold: bool = True
) -> tuple[Table, ...]:
    """As much of a table as fits on the screen. Returns what was printed, so that notes speak of nothing else.

    Where there is no room, headings are broken, then errors are left out, then columns, those of least weight first;
    a line names what is missing. wide: nothing is left out, and columns that do not fit follow in further tables, which
    repeat the names of the models. fold: long names take several lines; otherwise "…" stands for their middle.
    """
    if not (table.rows or table.calibration):
        return ()
    if wide:
        parts = tuple(_parts(table, console))
        for part in parts:
            _draw(part, console, style, fold=fold)
        return parts
    shown, missing = _fitted(table, console)
    _draw(shown, console, style, fold=fold)
    if missing:
        said = f"No room for {', '.join(map(clean, missing))}: --wide shows everything."
        console.print(Text(said, style="dim"))
    return (shown,)


def _draw(table: Table, console: Console, style: str, *, fold: bool) -> None:
    broken = _width(table, console, titles_broken=False) > console.width
    widths = _drawn_widths(table, console, titles_broken=broken)
    headings = [
        _lines(writable(column.title, console.encoding), width)
        for column, width in zip(table.columns, widths, strict=True)
    ]
    is_plain = console.options.ascii_only or console.legacy_windows  # rich has other lines for these
    if is_plain or sum(widths) + _GAP * (len(widths) - 1) > console.width:
        _draw_squeezed(table, console, style, headings, widths, broken=broken, fold=fold)
        return
    longest = (_longest_cell(table, index, console) for index in range(len(widths)))
    widths = [
        max(width if broken else cells, *map(cell_len, lines))
        for width, cells, lines in zip(widths, longest, headings, strict=True)
    ]
    _draw_lines(table, console, style, headings, widths, fold=fold)


def _draw_lines(
    table: Table,
    console: Console,
    style: str,
    headings: Sequence[Sequence[str]],
    widths: Sequence[int],
    *,
    fold: bool,
) -> None:
    """A table for which there is room, as rich draws it in many times the time."""
    width = sum(widths) + _GAP * (len(widths) - 1)
    height, bold, dim = max(map(len, headings)), Style(bold=True), Style(dim=True)
    titles = [[[(line, bold)] for line in (*([""] * (height - len(each))), *each)] for each in headings]
    segments = list(_lines_of_row(titles, table, widths, Style.null()))
    segments += [Segment("─" * width, console.get_style(style or "none")), Segment.line()]
    for rows, look in ((table.rows, Style.null()), (table.calibration, dim)):
        if rows is table.calibration and table.rows and rows:
            segments += [Segment(" " * width), Segment.line()]
        for row in rows:
            cells = [
                _cell_lines(cell, console, look, room, fold=fold, cuts=not (fold or column.numeric))
                for cell, column, room in zip(row, table.columns, widths, strict=True)
            ]
            segments += _lines_of_row(cells, table, widths, look)
    console.print(Segments(segments), end="", no_wrap=True, overflow="ignore", crop=False)


def _cell_lines(
    cell: Cell, console: Console, style: Style, room: int, *, fold: bool, cuts: bool
) -> list[_Line]:
    """A cell in lines of at most `room` columns: folded, or cut."""
    text, notes = _shown(cell.text, cell.notes, console.encoding)
    if _cell_width(cell.text, cell.notes, console.encoding) <= room:
        line = [(text, style + _BEST if cell.best else style)]
        return [[*line, (notes, style + _NOTES)] if notes else line]
    overflow: Literal["fold", "ellipsis"] = "fold" if fold else "ellipsis"
    folded = _text(cell, console, room if cuts else None).wrap(
        console, room, overflow=overflow, no_wrap=not fold
    )
    return [
        [(each.text, style + (each.style or Style.null())) for each in line.render(console)]
        for line in folded
    ]


def _lines_of_row(
    cells: Sequence[Sequence[_Line]], table: Table, widths: Sequence[int], style: Style
) -> Iterator[Segment]:
    """Cells side by side, numbers to the right."""
    for lines in zip_longest(*cells, fillvalue=()):
        for index, (line, column, width) in enumerate(zip(lines, table.columns, widths, strict=True)):
            blanks = width - sum(cell_len(text) for text, _ in line)
            before = (_GAP if index else 0) + (blanks if column.numeric else 0)
            if before:
                yield Segment(" " * before, style)
            yield from (Segment(text, look) for text, look in line)
            if blanks and not column.numeric:
                yield Segment(" " * blanks, style)
        yield Segment.line()


def _draw_squeezed(
    table: Table,
    console: Console,
    style: str,
    headings: Sequence[Sequence[str]],
    widths: Sequence[int],
    *,
    broken: bool,
    fold: bool,
) -> None:
    """A table for which there is no room: rich takes from the widest columns."""
    drawn = RichTable(
        box=SIMPLE_HEAD, padding=(0, 0, 0, _GAP - 1), pad_edge=False, show_edge=False, style=style
    )
    for column, heading, width in zip(table.columns, headings, widths, strict=True):
        drawn.add_column(
            Text("\n".join(heading)),
            justify="right" if column.numeric else "left",
            no_wrap=column.numeric or not fold,
            overflow="fold" if fold and not column.numeric else "ellipsis",
            max_width=width if broken and not column.numeric else None,
        )

    def cells(row: Sequence[Cell]) -> list[Text]:
        return [
            _text(cell, console, None if fold or column.numeric else width)
            for cell, column, width in zip(row, table.columns, widths, strict=True)
        ]

    for row in table.rows:
        drawn.add_row(*cells(row))
    if table.rows and table.calibration:
        drawn.add_section()
    for row in table.calibration:
        drawn.add_row(*cells(row), style="dim")
    console.print(drawn)


def _lines(title: str, width: int) -> list[str]:
    """A heading in lines of at most that many columns, as far as its words allow."""
    lines: list[str] = []
    for word in _words(title):
        if lines and cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _words(title: str) -> list[str]:
    """The words of a heading; a slash belongs to the word before it."""
    return clean(title).replace(" /", "\N{NO-BREAK SPACE}/").split(" ")


def _fitted(table: Table, console: Console) -> tuple[Table, list[str]]:
    """The table as far as it fits, and what is missing, in words."""
    kept = list(range(len(table.columns)))
    by_weight = sorted(kept, key=lambda index: (table.columns[index].weight, -index))
    without_errors: list[int] = []
    optional = [index for index in by_weight if not table.columns[index].essential]
    errors = [
        index for index in by_weight if not table.columns[index].keeps_error and _has_errors(table, index)
    ]
    shown = table
    while _width(shown, console, titles_broken=True) > console.width and (errors or optional):
        if errors:
            without_errors.append(errors.pop(0))
        else:
            kept.remove(optional.pop(0))
        shown = _without_errors(table, without_errors).select(kept)
    titles = [column.title.rstrip(" ↑↓") for column in table.columns]
    left_out = [title for index, title in enumerate(titles) if index not in set(kept)]
    bare = [titles[index] for index in sorted(set(without_errors) & set(kept))]
    return shown, [*left_out, *([f"the ± of {named(bare, most=len(bare))}"] if bare else [])]


def _parts(table: Table, console: Console) -> list[Table]:
    """The table in as many parts as are needed for the console's width; each begins with the names of the rows."""
    names = [index for index, column in enumerate(table.columns) if column.title in ("model", "best model")][
        :1
    ]
    parts: list[list[int]] = [[]]
    for index in range(len(table.columns)):
        candidate = [*parts[-1], index]
        too_wide = _width(table.select(candidate), console, titles_broken=True) > console.width
        if len(parts[-1]) > len(names) and too_wide:
            parts.append([*names, index])
        else:
            parts[-1] = candidate
    return [table.select(part) for part in parts]


def _has_errors(table: Table, index: int) -> bool:
    """Whether it is a column of numbers with errors; those in sentences stay."""
    rows = (*table.rows, *table.calibration)
    return table.columns[index].numeric and any("±" in row[index].text for row in rows)


def _without_errors(table: Table, indices: Sequence[int]) -> Table:
    def shortened(row: Sequence[Cell]) -> tuple[Cell, ...]:
        return tuple(
            replace(cell, text=_ERROR.sub("", cell.text)) if index in indices else cell
            for index, cell in enumerate(row)
        )

    return replace(
        table,
        rows=tuple(map(shortened, table.rows)),
        calibration=tuple(map(shortened, table.calibration)),
    )


def _width(table: Table, console: Console, *, titles_broken: bool) -> int:
    columns = range(len(table.columns))
    widths = (_column_width(table, index, console, titles_broken=titles_broken) for index in columns)
    return sum(width + _GAP for width in widths) - _GAP


def _column_width(table: Table, index: int, console: Console, *, titles_broken: bool) -> int:
    """The width of a column; with titles_broken that of its longest word or cell, names being folded."""
    column = table.columns[index]
    title = writable(column.title, console.encoding)
    longest = _longest_cell(table, index, console)
    if not titles_broken:
        return max(cell_len(clean(title)), longest)
    heading = max(cell_len(word) for word in _words(title))
    natural = max(heading, longest)
    return natural if column.numeric else min(natural, max(_NAME_WIDTH, heading))


def _drawn_widths(table: Table, console: Console, *, titles_broken: bool) -> list[int]:
    """The width of each column. Room that is left goes to names and reasons that would be folded."""
    columns = range(len(table.columns))
    widths = [_column_width(table, index, console, titles_broken=titles_broken) for index in columns]
    lacking = {
        index: lack
        for index in columns
        if not table.columns[index].numeric
        and (lack := _longest_cell(table, index, console) - widths[index]) > 0
    }
    spare = console.width - sum(width + _GAP for width in widths) + _GAP
    for place, index in enumerate(sorted(lacking, key=lambda index: lacking[index])):
        given = max(0, min(lacking[index], spare // (len(lacking) - place)))
        widths[index] += given
        spare -= given
    return widths


def _longest_cell(table: Table, index: int, console: Console) -> int:
    encoding = console.encoding
    return max(
        _cell_width(row[index].text, row[index].notes, encoding) for row in (*table.rows, *table.calibration)
    )


def _text(cell: Cell, console: Console, width: int | None = None) -> Text:
    """The cell. width: where it is longer, "…" stands for its middle, because names often differ at their ends; None
    for all of it."""
    shown, notes = _shown(cell.text, cell.notes, console.encoding)
    if width is not None and cell_len(shown) > width:
        shown = _without_middle(shown, width, writable("…", console.encoding))
    text = Text(shown, style=_BEST if cell.best else "")
    if notes:
        text.append(notes, style=_NOTES)
    return text


def _shown(text: str, notes: tuple[int, ...], encoding: str) -> tuple[str, str]:
    """The text of a cell and its notes, as they are printed."""
    numbers = " ".join(superscript(note) for note in notes)
    return writable(clean(text), encoding), writable(numbers, encoding)


@lru_cache(maxsize=1 << 16)  # widths are asked for again for each set of columns that is tried
def _cell_width(text: str, notes: tuple[int, ...], encoding: str) -> int:
    return sum(map(cell_len, _shown(text, notes, encoding)))


def _without_middle(text: str, width: int, mark: str) -> str:
    """The beginning and the end of a text, in so many columns: two thirds of them for the beginning."""
    room = max(0, width - cell_len(mark))
    end = room // 3
    return f"{set_cell_size(text, room - end).rstrip()}{mark}{_last_cells(text, end)}"


def _last_cells(text: str, width: int) -> str:
    start = len(text)
    while start and cell_len(text[start - 1 :]) <= width:
        start -= 1
    return text[start:]
