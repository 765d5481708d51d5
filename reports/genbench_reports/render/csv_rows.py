"""One row per job and metric, with the job's costs on each: tidy data for pandas and its like.

A job without metrics, such as a failed one, has one row with its status and reason. `doubt` says why a likelihood
cannot be trusted, where its audit failed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from genbench.records.job import Job
from genbench.records.result import Cost, MetricValue, Result
from genbench.records.run_folder import Run

_RECORD = ("id", "status", "reason")
# hyperparameters become JSON, and each metric names its own extractor
_JOB = tuple(field for field in Job.__struct_fields__ if field not in ("hyperparameters", "extractor"))
_METRIC = tuple(field for field in MetricValue.__struct_fields__ if field != "name")
# fields that are no single value stay in the records
_COST = tuple(
    field for field in Cost.__struct_fields__ if field not in ("wall_seconds_by_phase", "throughput")
)
_LAST = ("selected_fraction", "warnings", "cpu", "gpu", "commit", "schema", "audit", "doubt")
_LINE_END = "\r\n"
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMNS = (*_RECORD, *_JOB, "hyperparameters", "metric", *_METRIC, *_COST)


def render_csv(run: Run) -> str:
    """The report card's factory."""
    results = run.results()
    phases = sorted({phase for result in results for phase in result.cost.wall_seconds_by_phase})
    columns = [*_COLUMNS, *(_phase_column(phase) for phase in phases), *_LAST]
    rows = [row for result in results for row in _rows(result)]
    lines = [columns, *([_no_formula(row.get(column)) for column in columns] for row in rows)]
    return "".join(_line(cells) for cells in lines)


def _line(cells: Sequence[Any]) -> str:
    """Cells with commas, quotes or line ends in quotes: the csv module quotes the characters of its own line end, so
    that is CR LF here."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=_LINE_END).writerow(cells)
    return stream.getvalue().removesuffix(_LINE_END) + "\n"


def _no_formula(cell: Any) -> Any:
    """The cell with an apostrophe before text that a spreadsheet would run as a formula. Numbers stay."""
    if not isinstance(cell, str) or not cell.startswith(_BEGIN_FORMULAS) or _is_number(cell):
        return cell
    return f"'{cell}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return not text[0].isspace()


def _phase_column(phase: str) -> str:
    return f"wall_seconds_{phase}"


def _rows(result: Result) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {name: getattr(result, name) for name in _RECORD}
    shared |= {name: getattr(result.job, name) for name in _JOB}
    shared["hyperparameters"] = msgspec.json.encode(
        result.job.hyperparameters, order="deterministic"
    ).decode()
    shared |= {name: getattr(result.cost, name) for name in _COST}
    shared |= {_phase_column(name): value for name, value in result.cost.wall_seconds_by_phase.items()}
    gpu, git = result.provenance.get("gpu"), result.provenance.get("git")
    shared |= {
        "selected_fraction": result.selected_fraction,
        "warnings": "; ".join(result.warnings) or None,
        "cpu": result.provenance.get("cpu"),
        "gpu": gpu.get("name") if isinstance(gpu, dict) else None,
        "commit": git.get("commit") if isinstance(git, dict) else None,
        "schema": result.schema,
        "audit": None if result.audit is None else "passed" if result.audit.passed else "failed",
    }
    if not result.metrics:
        return [shared]
    return [
        {**shared, "metric": metric.name, "doubt": result.doubt(metric)}
        | {name: getattr(metric, name) for name in _METRIC}
        for metric in result.metrics
    ]
