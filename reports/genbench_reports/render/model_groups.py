"""Groups of models in those formats that consist of tables: `report RUN --group-by FIELD`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from genbench.errors import UsageError
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.analysis.model_groups import NO_GROUPS, GroupTable, group_tables
from genbench_reports.overview.document import make_document
from genbench_reports.render.latex import table_latex
from genbench_reports.render.markdown import bullets, escape, escape_line, table_markdown


def render_groups(run: Run, registry: Registry, format_: str, field: str) -> str:
    """Raises UsageError for formats without tables, UnknownNameError for fields that cards do not have."""
    if format_ not in _FORMATS:
        raise UsageError(f"--group-by works with --format {', '.join(_FORMATS)}, not with {format_}")
    groups = group_tables(make_document(run, registry).leaderboards, registry.models, field)
    return _FORMATS[format_](groups)


def groups_markdown(groups: Sequence[GroupTable]) -> str:
    blocks = ["# genai-bench: models by what their cards say", *([] if groups else [NO_GROUPS])]
    for group in groups:
        blocks += [
            f"## {escape(group.title)}",
            table_markdown(group.table),
            bullets(escape_line(note) for note in group.notes),
        ]
    return "\n\n".join(blocks) + "\n"


def groups_csv(groups: Sequence[GroupTable]) -> str:
    """One table below the other; the column "field" says which table a row belongs to."""
    import pandas as pd

    frames = [
        pd.DataFrame(
            [[cell.text for cell in row] for row in group.table.rows],
            columns=["group", *(column.title for column in group.table.columns[1:])],
        ).assign(field=group.title)
        for group in groups
    ]
    return pd.concat(frames).to_csv(index=False, lineterminator="\n") if frames else ""


def groups_latex(groups: Sequence[GroupTable]) -> str:
    return "\n".join(table_latex(group.table, group.title, group.notes) for group in groups)


_FORMATS: dict[str, Callable[[Sequence[GroupTable]], str]] = {
    "md": groups_markdown,
    "csv": groups_csv,
    "latex": groups_latex,
}
