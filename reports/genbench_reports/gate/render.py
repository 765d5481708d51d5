"""A comparison as text on the screen, and as Markdown for a pull request. Names and reasons are escaped."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from genbench.util.terminal import SafeConsole
from genbench_reports.format.text import clean
from genbench_reports.gate.quiet import quiet
from genbench_reports.gate.tables import VerdictDocument
from genbench_reports.render.markdown import bullets, escape, escape_line, table_markdown
from genbench_reports.render.terminal_table import print_table

_STYLES = {"✗": "bold red", "!": "bold yellow", "?": "bold yellow", "✓": "bold green"}
_SIGNS = {"✗": "❌", "!": "⚠️", "?": "⚠️", "✓": "✅"}
_CHANGED = "Changed since the baseline"
MARKER = "<!-- genai-bench comparison -->"
"""First line of the markdown, by which the comment of an earlier push is found again."""


def print_verdict(document: VerdictDocument, console: Console) -> None:
    """What is wrong comes just above the verdict, which is the last line on the terminal."""
    for section in sorted(document.sections, key=lambda each: each.urgent):
        console.print(Text(section.title, style="bold red" if section.urgent else "bold"))
        print_table(section.table, console)
        console.print()
    for line in (*document.sides, document.method):
        console.print(Text(clean(line), style="dim"))
    for caution in document.cautions:
        console.print(Text(clean(caution), style="yellow"))
    for heading, style, lines in (
        (_CHANGED, "bold", cause_lines(document)),
        ("Worse", "bold red", document.worse),
        ("Better", "bold", document.better),
    ):
        if lines:
            console.print(Text(heading, style=style))
            for line in lines:
                console.print(Text(f"  {clean(line)}"))
    console.print(Text(document.counts))
    console.print(Text(f"{document.sign} {clean(document.verdict)}", style=_STYLES[document.sign]))


def cause_lines(document: VerdictDocument) -> tuple[str, ...]:
    """A line per kind of change; a line that says so where nothing changed."""
    lines = tuple(f"{cause.kind}: {'; '.join(cause.changes)}" for cause in document.causes)
    return lines or (document.no_cause,)


def verdict_text(document: VerdictDocument) -> str:
    """The text of `print_verdict` without colours, for a file."""
    stream = io.StringIO()
    width = int(os.environ.get("COLUMNS") or 160)
    print_verdict(document, SafeConsole(file=stream, width=width, highlight=False, color_system=None))
    return stream.getvalue()


def verdict_markdown(document: VerdictDocument) -> str:
    """The verdict as heading, what changed between the two sides, a line per group of values that moved together; the
    rest folded. It is made for a comment, and nobody is notified by it: see `quiet`."""
    blocks = [
        f"### {_SIGNS[document.sign]} genai-bench: {escape(document.verdict)}",
        f"**{_CHANGED}**",
        bullets(escape_line(line) for line in cause_lines(document)),
        *_listed("Worse", document.worse),
        *_listed("Better", document.better),
        escape_line(document.counts) + ".",
        bullets(escape_line(caution) for caution in document.cautions),
        *_sections(document),
        "\n".join(
            ["<sub>", "<br>\n".join(escape(line) for line in (*document.sides, document.method)), "</sub>"]
        ),
    ]
    return f"{MARKER}\n\n" + quiet("\n\n".join(block for block in blocks if block)) + "\n"


def _listed(heading: str, lines: Sequence[str]) -> Iterable[str]:
    if lines:
        yield f"**{heading}**"
        yield bullets(escape_line(line) for line in lines)


def _sections(document: VerdictDocument) -> Iterable[str]:
    for section in document.sections:
        table = table_markdown(section.table.without_empty_columns())
        yield f"<details><summary>{escape(section.title)}</summary>\n\n{table}\n\n</details>"
