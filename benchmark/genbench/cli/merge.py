"""`genai-bench merge RUN RUN -o DIR`: joins the folders of runs that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from genbench.api.exit_codes import ExitCode
from genbench.errors import UsageError
from genbench.runner.merging import merge_runs


def merge_command(folders: Sequence[Path], output: Path, console: Console, *, across_hardware: bool) -> int:
    """Merge the folders, say what was done, and return the exit code."""
    if len(folders) < 2:
        raise UsageError("merge takes two folders of runs or more")
    merged = merge_runs(folders, output, across_hardware=across_hardware)
    parts = [f"{merged.copied} of {len(merged.run.plan.jobs)} jobs have a result"]
    if merged.present:
        parts[0] = f"{merged.copied + merged.present} of {len(merged.run.plan.jobs)} jobs have a result"
        parts.append(f"{merged.present} were there already")
    if merged.repeated:
        parts.append(f"{merged.repeated} left out, because an earlier folder has the job")
    console.print(f"merged into [bold]{escape(str(output))}[/bold]: {'; '.join(parts)}", soft_wrap=True)
    return ExitCode.OK
