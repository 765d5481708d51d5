"""A comparison as text on the screen, and as markdown for a pull request. Names and reasons are escaped."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from genbench_reports.format.text import clean
from genbench_reports.gate.tables import VerdictDocument
from genbench_reports.render.markdown import escape, escape_line, table_markdown
from genbench_reports.render.terminal import print_table

_STYLES = {"✗": "bold red", "!": "bold yellow", "?": "bold yellow", "✓": "bold green"}
_SIGNS = {"✗": "❌", "!": "⚠️", "?": "⚠️", "✓": "✅"}
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
    console.print(Text(document.counts))
    console.print(Text(f"{document.sign} {clean(document.verdict)}", style=_STYLES[document.sign]))


def verdict_text(document: VerdictDocument) -> str:
    """The text of `print_verdict` without colours, for a file."""
    stream = io.StringIO()
    width = int(os.environ.get("COLUMNS") or 160)
    print_verdict(document, Console(file=stream, width=width, highlight=False, color_system=None))
    return stream.getvalue()


def verdict_markdown(document: VerdictDocument) -> str:
    """The verdict as heading, what is wrong below it, the rest folded."""
    blocks = [
        MARKER,
        f"### {_SIGNS[document.sign]} genai-bench: {escape(document.verdict)}",
        escape_line(document.counts) + ".",
        *_sections(document, urgent=True),
        "\n".join(f"- {escape(caution)}" for caution in document.cautions),
        *_sections(document, urgent=False),
        "\n".join(
            ["<sub>", "<br>\n".join(escape(line) for line in (*document.sides, document.method)), "</sub>"]
        ),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sections(document: VerdictDocument, *, urgent: bool) -> Iterable[str]:
    for section in document.sections:
        if section.urgent != urgent:
            continue
        table = table_markdown(section.table.without_empty_columns())
        if urgent:
            yield f"**{escape(section.title)}**\n\n{table}"
        else:
            yield f"<details><summary>{escape(section.title)}</summary>\n\n{table}\n\n</details>"
