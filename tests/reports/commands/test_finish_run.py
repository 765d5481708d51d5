"""The end of a large run: reports are made once, and again when something has changed."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from many_records import write_many_records

from genbench.plugin.discovery import load_registry
from genbench.records import unchanged
from genbench.records.run_folder import Run
from genbench.util.terminal import SafeConsole
from genbench_reports.commands import finish_run as module


def printed(folder: Path, width: int = 120) -> str:
    file = io.StringIO()
    module.finish_run(Run.open(folder), load_registry(), SafeConsole(file=file, width=width))
    return file.getvalue()


def test_what_has_not_changed_is_not_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_many_records(tmp_path / "run", 12, datasets=2, seeds=2).folder
    ordinary = printed(folder)
    monkeypatch.setattr(unchanged, "MIN_JOBS", 10)
    made: list[Path] = []
    original = module.make_document
    monkeypatch.setattr(
        module, "make_document", lambda run, registry: made.append(run.folder) or original(run, registry)
    )
    assert printed(folder) == ordinary
    assert printed(folder) == ordinary
    assert len(made) == 1
    assert printed(folder, width=80) != ordinary  # another screen is drawn, and the files stay
    assert (len(made), printed(folder, width=80), len(made)) == (2, printed(folder, width=80), 2)
    record = next((folder / "jobs").glob("*/result.json"))
    record.write_text(json.dumps({**json.loads(record.read_text()), "status": "oom", "metrics": []}))
    assert "oom" in printed(folder)
    (folder / "results.csv").write_text("edited")
    assert "oom" in printed(folder)
    assert (folder / "results.csv").read_text() != "edited"
    assert len(made) == 4
