"""Reports cost as much per record for many records as for few. Processor times, as ratios within one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from many_records import write_many_records

from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.run_folder import Run
from genbench_reports.gate.baseline import baseline_of_run
from genbench_reports.render.csv_rows import render_csv
from genbench_reports.render.markdown import render_markdown

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
