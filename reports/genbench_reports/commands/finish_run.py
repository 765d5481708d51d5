"""What happens at the end of a run: leaderboard.md and results.csv are written into its folder, and the first screen is
printed."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from genbench.datasets import write_atomically
from genbench.errors import RunFolderError
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.overview.document import make_document
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.markdown import document_markdown
from genbench_reports.render.screen import screen
from genbench_reports.render.terminal import print_overview


def finish_run(run: Run, registry: Registry, console: Console | None = None) -> None:
    """Write both files and print the first screen, even where the files cannot be written (RunFolderError)."""
    document = make_document(run, registry)
    try:
        write_text(run.folder / "leaderboard.md", document_markdown(document, registry.metrics))
        write_text(run.folder / "results.csv", render_csv(run))
    finally:
        print_overview(document, console or screen(), run.folder)


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: several processes may finish the same run.

    Raises RunFolderError where it cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise RunFolderError(f"cannot write {path}: {error.strerror}") from None
