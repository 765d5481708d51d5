"""The times of a run in the JSON format of pytest-benchmark, for its `compare` and for actions that watch benchmarks on
a forge.

A model variant on a data set has two benchmarks: a training step, and the latency of a call for one sample. Each seed
is a round; calibration rows are left out. The metrics of the main table, means over seeds with their likelihood
kinds, are in `extra_info`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from genbench.errors import UsageError
from genbench.plugin.registry import Registry
from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format import machines as machine
from genbench_reports.leaderboard.rows import Board, Row
from genbench_reports.overview.document import make_document

FORMAT_VERSION = "5.1.0"
"""Version of pytest-benchmark whose format this is."""


def render_pytest_benchmark(run: Run, registry: Registry) -> str:
    """The report card's factory. Raises UsageError where the results come from several machines: a file describes one,
    and times of different machines are not comparable."""
    document = make_document(run, registry)
    if len(document.machines) > 1:
        raise UsageError(
            f"the results come from {len(document.machines)} machines ({'; '.join(document.machines)}); a file of"
            " pytest-benchmark holds times of one"
        )
    provenances = machine.collect(run, run.results())
    provenance = provenances[0] if provenances else {}
    content = {
        "machine_info": _machine_info(provenance),
        "commit_info": _commit_info(provenance),
        "benchmarks": [found for each in document.leaderboards.boards for found in _benchmarks(each.board)],
        "datetime": max((str(each["time"]) for each in provenances if each.get("time")), default=""),
        "version": FORMAT_VERSION,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1).decode() + "\n"


def _benchmarks(board: Board) -> Iterable[dict[str, Any]]:
    for row in board.contenders:
        steps = [(time, result.cost.steps or 1) for result in row.results if (time := _step_seconds(result))]
        calls = [
            (time, result.cost.sample_latency_repeats or 1)
            for result in row.results
            if (time := result.cost.sample_latency_seconds)
        ]
        for what, times in (("train_step", steps), ("sample_latency", calls)):
            if times:
                yield _benchmark(board, row, what, times)


def _step_seconds(result: Result) -> float | None:
    """Mean seconds per step, by the meter's clock."""
    seconds, steps = result.cost.train_seconds, result.cost.steps
    return seconds / steps if seconds and steps else None


def _benchmark(board: Board, row: Row, what: str, times: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """times: seconds, and of how many repetitions they are the mean or median."""
    seconds = [time for time, _ in times]
    return {
        "group": f"{what}: {board.title}",
        "name": f"{what}[{row.label}-{board.title}]",
        "fullname": f"genbench/{board.title}::{what}[{row.label}-{board.title}]",
        "params": {"model": row.label, "dataset": board.title},
        "param": f"{row.label}-{board.title}",
        "extra_info": _extra_info(board, row),
        "options": {"timer": "perf_counter", "warmup": False},
        "stats": {
            **summary(seconds),
            "data": seconds,
            "iterations": min(repeats for _, repeats in times),
        },
    }


def _extra_info(board: Board, row: Row) -> dict[str, Any]:
    quality: dict[str, Any] = {}
    for name in board.columns:
        value = row.values.get(name)
        if value is not None and value.mean is not None:
            quality[name] = {
                "mean": value.mean,
                "stderr": value.stderr,
                "better": board.metrics[name].better,
                "kind": value.kind,
                "trusted": not value.doubts,
            }
    return {
        "family": row.family,
        "budget": board.setting.job.budget,
        "device": board.setting.job.device,
        "seeds": list(row.seeds),
        "failed_seeds": [result.job.seed for result in row.failures],
        "ranked_by": board.headline,
        "rank": str(row.rank) if row.rank else None,
        "quality": quality,
    }


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """The statistics that pytest-benchmark has for the rounds of a benchmark, at least one. Quartiles are Tukey's
    hinges: the median is left out for an even number of rounds and counts half for an odd one (methods 2 and 3 in its
    documentation).
    """
    data = sorted(seconds)
    mean = statistics.mean(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    q1, q3 = _quartiles(data)
    iqr = q3 - q1
    low, high = q1 - 1.5 * iqr, q3 + 1.5 * iqr
    beyond = sum(not mean - deviation <= value <= mean + deviation for value in data)
    outliers = sum(not low <= value <= high for value in data)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": statistics.median(data),
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": beyond,
        "outliers": f"{beyond};{outliers}",
        "ld15iqr": min(value for value in data if value >= low),
        "hd15iqr": max(value for value in data if value <= high),
        "ops": len(data) / sum(data) if sum(data) else 0.0,
        "total": sum(data),
    }


def _quartiles(data: Sequence[float]) -> tuple[float, float]:
    """Lower and upper quartile of sorted values."""
    count = len(data)
    if count == 1:
        return data[0], data[0]
    if count % 2 == 0:
        return statistics.median(data[: count // 2]), statistics.median(data[count // 2 :])
    n = count // 4
    if count % 4 == 1:
        return 0.25 * data[n - 1] + 0.75 * data[n], 0.75 * data[3 * n] + 0.25 * data[3 * n + 1]
    return 0.75 * data[n] + 0.25 * data[n + 1], 0.25 * data[3 * n + 1] + 0.75 * data[3 * n + 2]


def _machine_info(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of pytest-benchmark, empty where records have no such field. There are no host names in records."""
    gpu = provenance.get("gpu")
    return {
        "node": "",
        "processor": str(provenance.get("cpu") or ""),
        "machine": "",
        "python_implementation": "CPython",
        "python_version": str(provenance.get("python") or ""),
        "release": "",
        "system": str(provenance.get("platform") or ""),
        "cpu": {
            "brand_raw": str(provenance.get("cpu") or ""),
            "count": provenance.get("cores"),
        },
        "gpu": gpu.get("name") if isinstance(gpu, Mapping) else None,
    }


def _commit_info(provenance: Mapping[str, Any]) -> dict[str, Any]:
    git = provenance.get("git")
    known = git if isinstance(git, Mapping) else {}
    return {
        "id": str(known.get("commit") or "unversioned"),
        "time": None,
        "author_time": None,
        "dirty": bool(known.get("dirty")),
        "project": "genai-bench",
        "branch": "(unknown)",
    }
