"""Folders of different hardware, read together: no column has results of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from many_records import write_many_records

from genbench.plugin.registry import Registry
from genbench.records.hardware import hardware_class
from genbench_reports.format.joined_runs import JoinedRuns
from genbench_reports.overview.document import make_document

RECORDS = 24


@pytest.mark.parametrize("cpu", ["Some CPU", "Other CPU"])
def test_each_class_of_hardware_has_leaderboards_of_its_own(
    tmp_path: Path, registry: Registry, cpu: str
) -> None:
    runs = [
        write_many_records(tmp_path / str(number), RECORDS, datasets=2, seeds=2, cpu=name)
        for number, name in enumerate(("Some CPU", cpu))
    ]
    document = make_document(JoinedRuns(runs), registry)
    boards = [each.board for each in document.leaderboards.boards]
    is_apart = cpu == "Other CPU"
    assert len(boards) == (4 if is_apart else 2)
    for board in boards:
        found = {hardware_class(result) for row in board.entrants for result in (*row.results, *row.failures)}
        assert len(found) == 1
        assert not is_apart or f"on {found.pop()}" in board.title
    assert document.status.startswith(f"{48 if is_apart else 24} of {48 if is_apart else 24} jobs ok")
    assert any("leaderboards of their own" in caution for caution in document.cautions) == is_apart
    assert any("left out" in caution for caution in document.cautions) != is_apart
