"""Renders a report, and writes it to standard output, into a file, or, where it consists of several files, into a
folder."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path

from genbench.api import ReportCard, load_factory
from genbench.errors import PluginError, RunFolderError, UsageError
from genbench.plugin.output import printing_to_stderr
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.charts.one_sheet import SHEETS
from genbench_reports.commands.finish_run import write_bytes

Content = str | bytes
"""The content of one file. A report card's factory returns it, or a mapping of it by file name."""


def render_report(card: ReportCard, run: Run, registry: Registry) -> object:
    """Call the card's factory with a run. A factory that has a parameter `registry` gets the registry too."""
    with printing_to_stderr():  # a plugin's words are no part of its report
        factory = load_factory(card.factory)
        if "registry" in inspect.signature(factory).parameters:
            return factory(run, registry=registry)
        return factory(run)


def deliver(rendered: object, card: ReportCard, output: Path | None) -> str | None:
    """Write a rendered report. Returns what was written, in words; None where it went to standard output.

    Raises PluginError where a plugin returned something else than a report, UsageError where `output` does not suit it,
    RunFolderError where it cannot be written.
    """
    if isinstance(rendered, Mapping):
        return _deliver_files(_checked_files(rendered, card), card, output)
    if not isinstance(rendered, str | bytes):
        raise PluginError(
            f"report format {card.name!r} returned {type(rendered).__name__}, expected text, bytes or files by name"
        )
    if output is not None:
        write_bytes(output, _bytes(rendered))
        return f"wrote {output}"
    if isinstance(rendered, bytes) and sys.stdout.isatty():
        raise UsageError(f"--format {card.name} is not text: -o FILE says where it goes")
    if isinstance(rendered, str):
        sys.stdout.write(rendered)
    else:
        sys.stdout.buffer.write(rendered)
    return None


def _deliver_files(files: Mapping[str, Content], card: ReportCard, output: Path | None) -> str:
    if output is None:
        raise UsageError(f"--format {card.name} makes files: -o FOLDER says where they go")
    if output.suffix == card.suffix and not output.is_dir():
        only, what = _one_file(files, card, output)
        write_bytes(output, only)
        return f"wrote {output}{what}"
    if output.suffix in SHEETS and not output.is_dir():
        raise UsageError(f"-o {output} does not end in {card.suffix}, as files of --format {card.name} do")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"cannot write {output}: {error.strerror}") from None
    for name, content in files.items():
        write_bytes(output / name, _bytes(content))
    return f"wrote {len(files)} files into {output}"


def _one_file(files: Mapping[str, Content], card: ReportCard, output: Path) -> tuple[bytes, str]:
    """The content of the one file that was asked for, and what it is: the file of that name, or all pictures on a
    sheet."""
    if len(files) == 1:
        return _bytes(next(iter(files.values()))), ""
    if output.name in files:
        return _bytes(files[output.name]), f"; a folder in its place would get all {len(files)} files"
    make_sheet = SHEETS.get(card.suffix)
    if make_sheet is None:
        raise UsageError(f"--format {card.name} makes {len(files)} files: -o {output} should be a folder")
    try:
        sheet = make_sheet([_bytes(content) for content in files.values()])
    except ValueError as error:
        raise PluginError(f"report format {card.name!r} returned {error}") from None
    return sheet, f", {len(files)} pictures on one sheet; a folder in its place would get a file for each"


def _checked_files(files: Mapping[object, object], card: ReportCard) -> dict[str, Content]:
    """Names must be plain file names, so that a plugin cannot write outside the folder that the user named."""
    found: dict[str, Content] = {}
    for name, content in files.items():
        is_plain = isinstance(name, str) and name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}
        if not is_plain or not isinstance(content, str | bytes):
            raise PluginError(
                f"report format {card.name!r} returned {name!r}: {type(content).__name__}, expected a file's name and"
                " its text or bytes"
            )
        found[str(name)] = content
    return found


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content
