"""What happens at the end of a run: leaderboard.md and results.csv are written into its folder, and the first screen is
printed. Where a large run has not changed since, nothing is made again."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

from genbench.datasets import write_atomically
from genbench.errors import RunFolderError
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench.records.unchanged import recall, remember, state_of
from genbench_reports.overview.document import make_document
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.markdown import document_markdown
from genbench_reports.render.screen import screen
from genbench_reports.render.terminal import print_overview


def finish_run(run: Run, registry: Registry, console: Console | None = None) -> None:
    """Write both files and print the first screen, even where the files cannot be written (RunFolderError)."""
    console = console or screen()
    state = state_of(run, _maker(registry))
    kind = f"{console.width} {console.encoding} {console.color_system}"
    known = None if state is None else recall(run, state)
    if known is not None and kind in known.screens:
        _print_again(known.screens[kind], console)
        return
    document = make_document(run, registry)
    try:
        if known is None:
            write_text(run.folder / "leaderboard.md", document_markdown(document, registry.metrics))
            write_text(run.folder / "results.csv", render_csv(run))
    finally:
        if state is None:
            print_overview(document, console, run.folder)
        else:
            with console.capture() as captured:
                print_overview(document, console, run.folder)
            _print_again(captured.get(), console)
    if state is not None:
        screens = {kind: captured.get()} if known is None else {**known.screens, kind: captured.get()}
        remember(run, state, ("leaderboard.md", "results.csv"), screens)


def _maker(registry: Registry) -> bytes:
    """What reports depend on besides the run: this code, and the cards."""
    cards = msgspec.json.encode([list(registry.metrics.values()), list(registry.datasets.values())])
    version = importlib.metadata.version("genbench")
    newest = max(file.stat().st_mtime_ns for file in Path(__file__).parent.parent.rglob("*.py"))
    return b"%s %d %s" % (version.encode(), newest, cards)


def _print_again(text: str, console: Console) -> None:
    """What was printed, with its styles; control characters in it are escaped as in any text."""
    for line in text.splitlines():
        console.print(Text.from_ansi(line), soft_wrap=True)


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
