"""One row per job and metric, with the job's costs on each: tidy data for pandas and its like.

A job without metrics, such as a failed one, has one row with its status and reason. `doubt` says why a likelihood
cannot be trusted, where its audit failed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
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
    field
    for field in Cost.__struct_fields__
    if field not in ("wall_seconds_by_phase", "throughput", "peak_cuda_reserved_bytes_by_gpu")
)
_LAST = ("selected_fraction", "warnings", "cpu", "gpu", "commit", "schema", "audit", "doubt")
_LINE_END = "\r\n"
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMNS = (*_RECORD, *_JOB, "hyperparameters", "metric", *_METRIC, *_COST)
"""In the order in which `_lines` writes them; after them come the phases and `_LAST`."""


def render_csv(run: Run) -> str:
    """The report card's factory."""
    results = run.results()
    phases = sorted({phase for result in results for phase in result.cost.wall_seconds_by_phase})
    columns = [*_COLUMNS, *(_phase_column(phase) for phase in phases), *_LAST]
    texts = [_line(columns) + "\n"]
    results.reverse()
    while (
        results
    ):  # a result is let go once it is written: all of them and the whole text are too much at once
        texts.append("".join(_lines(results.pop(), phases)))
    return "".join(texts)


def _line(cells: Sequence[Any]) -> str:
    """Cells with commas, quotes or line ends in quotes: the csv module quotes the characters of its own line end, so
    that is CR LF here. Two cells or more; without the line end."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator=_LINE_END).writerow(map(_no_formula, cells))
    return stream.getvalue().removesuffix(_LINE_END)


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


def _lines(result: Result, phases: Sequence[str]) -> Iterator[str]:
    """With their line ends. The cells that all lines of a result share are written once: they are most of the file."""
    gpu, git = result.provenance.get("gpu"), result.provenance.get("git")
    before = _line(
        [
            *(getattr(result, name) for name in _RECORD),
            *(getattr(result.job, name) for name in _JOB),
            msgspec.json.encode(result.job.hyperparameters, order="deterministic").decode(),
        ]
    )
    after = _line(
        [
            *(getattr(result.cost, name) for name in _COST),
            *(result.cost.wall_seconds_by_phase.get(phase) for phase in phases),
            result.selected_fraction,
            "; ".join(result.warnings) or None,
            result.provenance.get("cpu"),
            gpu.get("name") if isinstance(gpu, dict) else None,
            git.get("commit") if isinstance(git, dict) else None,
            result.schema,
            None if result.audit is None else "passed" if result.audit.passed else "failed",
        ]
    )
    for metric in result.metrics:
        own = _line([metric.name, *(getattr(metric, name) for name in _METRIC)])
        doubt = _line([None, result.doubt(metric)])  # begins with a comma
        yield f"{before},{own},{after}{doubt}\n"
    if not result.metrics:
        yield f"{before},{',' * len(_METRIC)},{after},\n"
