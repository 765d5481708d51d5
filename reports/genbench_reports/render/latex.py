"""Leaderboards as LaTeX tables in the style of booktabs, for a paper that includes them with \\input.

Each is a table* that `\\resizebox` reduces to the width of the text, with its notes below; where both do not fit on a
page, the notes follow as text, because a float that is longer than a page loses its end. The document needs booktabs
and graphicx, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.analysis.section import statistics_parts
from genbench_reports.format.table import Cell, Table
from genbench_reports.format.text import clean
from genbench_reports.leaderboard.leaderboard import Leaderboard
from genbench_reports.overview.document import Document, make_document
from genbench_reports.render.latex_text import latex

_CHARACTERS_PER_LINE, _MAX_LINES = 85, 45
"""How much `\\footnotesize` fits on a page of the class article with default margins."""

PREAMBLE = """\
% Written by genai-bench. In the preamble of the document:
%   \\usepackage[T1]{fontenc}
%   \\usepackage{booktabs}
%   \\usepackage{graphicx}
"""


def render_latex(run: Run, registry: Registry) -> str:
    """The report card's factory."""
    return document_latex(make_document(run, registry))


def document_latex(document: Document) -> str:
    """The families, the summaries, each data set (metrics, costs, failures), and the statistics."""
    blocks = [PREAMBLE]
    blocks += [f"% {clean(line)}" for line in (document.title, document.status, *document.machines)]
    blocks.append("% Further metrics have too many columns for a page: --format md or csv has them.")
    overview = document.overview
    blocks.append(
        table_latex(overview.table, f"Families: {overview.setting}", (overview.verdict, *overview.notes))
    )
    for summary in document.leaderboards.summaries:
        blocks.append(table_latex(summary.table, summary.title, (summary.verdict, *summary.notes)))
    for board in document.leaderboards.boards:
        blocks += _board(board)
    for part in statistics_parts(document.leaderboards):
        blocks.append(table_latex(part.table, f"Statistics: {part.title}", part.notes))
    return "\n".join(block for block in blocks if block) + "\n"


def table_latex(table: Table, caption: str, notes: Sequence[str] = (), footnotes: Sequence[str] = ()) -> str:
    """One float, with calibration rows below a rule, and its notes below or after it. Without rows, only the caption
    and the notes, as text."""
    below = [latex(note) for note in notes]
    below += [rf"\textsuperscript{{{number}}}{latex(text)}" for number, text in enumerate(footnotes, 1)]
    explained = "\n".join(f"{line}\\par" for line in below)
    if not (table.rows or table.calibration):
        return f"\\paragraph{{{latex(caption)}}}\n{explained}\n" if below else ""
    aligned = "".join("r" if column.numeric else "l" for column in table.columns)
    lines = [
        r"\begin{table*}[htbp]",
        r"\centering",
        rf"\caption{{{latex(caption)}}}",
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{aligned}}}",
        r"\toprule",
        _row(latex(column.title) for column in table.columns),
        r"\midrule",
        *(_row(map(_cell, row)) for row in table.rows),
    ]
    if table.rows and table.calibration:
        lines.append(r"\midrule")
    lines += [_row(rf"\textit{{{_cell(cell)}}}" for cell in row) for row in table.calibration]
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if below and _fits_on_a_page(table, caption, [*notes, *footnotes]):
        lines.append(f"\\par\\smallskip\n\\parbox{{\\textwidth}}{{\\footnotesize\n{explained}\n}}")
        below = []
    lines.append(r"\end{table*}")
    if below:
        lines.append(f"\\paragraph{{Notes on {latex(caption.partition(': ')[0])}}}\n{explained}")
    return "\n".join(lines) + "\n"


def _fits_on_a_page(table: Table, caption: str, notes: Sequence[str]) -> bool:
    """Whether a page of the class article with default margins has room for the table and its notes, by a rough count
    of lines."""
    lines = sum(math.ceil(len(text) / _CHARACTERS_PER_LINE) for text in (caption, *notes))
    return len(table.rows) + len(table.calibration) + lines <= _MAX_LINES


def _board(board: Leaderboard) -> Iterable[str]:
    yield table_latex(board.main, f"{board.title}: {board.caption}", board.notes, board.footnotes)
    yield table_latex(board.cost, f"{board.title}: cost, mean over seeds")
    yield table_latex(
        board.failures, f"{board.title}: failed jobs", [board.unsupported] if board.unsupported else ()
    )


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    text = latex(cell.text)
    if cell.best:
        text = rf"\textbf{{{text}}}"
    if cell.notes:
        text += rf"\textsuperscript{{{','.join(map(str, cell.notes))}}}"
    return text
