"""Reports cost as much per record for many records as for few. Processor times, as ratios within one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from many_records import write_many_records
from rich.console import Console

from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records import record_index
from genbench.records.run_folder import Run
from genbench_reports.gate.baseline import baseline_of_run
from genbench_reports.overview.document import make_document
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.markdown import render_markdown
from genbench_reports.render.terminal import print_document

FEW, MANY = 200, 800
MAX_GROWTH = 1.6
"""How many times the cost of a record may grow from few records to many. It would be 4 if the whole cost grew with the
square. Pairs of rows do, which are a small part."""
TRIES = 3


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """All have four data sets, so that what grows is the number of rows of a board."""
    found = {}
    for records in (FEW, MANY):
        found[records] = tmp_path_factory.mktemp("many") / str(records)
        write_many_records(found[records], records, datasets=4)
    return found


WORK: dict[str, Callable[[Run, Registry], object]] = {
    "reading": lambda run, registry: run.results(),
    "planning": lambda run, registry: run.heads(),
    "first screen": lambda run, registry: print_document(
        make_document(run, registry), Console(file=StringIO())
    ),
    "markdown, statistics": render_markdown,
    "csv": lambda run, registry: render_csv(run),
    "baseline": lambda run, registry: baseline_of_run(run, registry.metrics),
}


@pytest.mark.parametrize("what", list(WORK))
def test_the_cost_of_a_record_does_not_grow(what: str, folders: dict[int, Path], registry: Registry) -> None:
    work = WORK[what]
    work(Run.open(folders[FEW]), registry)  # imports, and what is computed once
    growth = float("inf")
    for _ in range(TRIES):
        seconds = {}
        for records, folder in folders.items():
            began = time.process_time()
            work(Run.open(folder), registry)
            seconds[records] = (time.process_time() - began) / records
        growth = min(growth, seconds[MANY] / seconds[FEW])
        if growth < MAX_GROWTH:
            break
    assert growth < MAX_GROWTH


MAX_SHARE_OF_READING = 0.4
"""The time to plan from the index, over that to read the records: 0.1 when it was measured."""


def test_planning_from_the_index_takes_a_part_of_the_reading(
    folders: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_index, "_FRESH_SECONDS", -1.0)
    Run.open(folders[MANY]).heads()
    share = float("inf")
    for _ in range(TRIES):
        seconds = []
        for work in (Run.heads, Run.results):
            run = Run.open(folders[MANY])
            began = time.process_time()
            work(run)
            seconds.append(time.process_time() - began)
        share = min(share, seconds[0] / seconds[1])
    assert share < MAX_SHARE_OF_READING
