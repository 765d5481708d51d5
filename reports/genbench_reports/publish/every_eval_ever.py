"""Export in the format of Every Eval Ever (https://github.com/evaleval/every_eval_ever): one JSON file per model and
setting, with every metric that has a better direction, mean over seeds.

The schema is version 0.3.0 of the package `every-eval-ever`. Names of files are UUIDs of the form that the data store
asks for. They are derived from the content, so that exporting twice gives the same files.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from genbench_reports.format.text import clean, file_name
from genbench_reports.leaderboard.rows import Board, BoardMetric, Row, Value
from genbench_reports.leaderboard.summary import boards_by_conditions

SCHEMA_VERSION = "0.3.0"
BENCHMARK = "genai-bench"


def every_eval_ever_files(boards: Sequence[Board], publisher: str) -> dict[str, bytes]:
    """By path. publisher: who ran the evaluations; "unknown" where nobody said."""
    files: dict[str, bytes] = {}
    for members in boards_by_conditions(boards):
        rows: dict[str, list[tuple[Board, Row]]] = {}
        for board in members:
            for row in board.rows:
                rows.setdefault(row.label, []).append((board, row))
        for label, found in rows.items():
            if (document := _document(label, found, publisher)) is not None:
                content = (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()
                folder = f"exports/every_eval_ever/data/{BENCHMARK}/genbench/{file_name(clean(label))}"
                files[f"{folder}/{_uuid(content)}.json"] = content
    return dict(sorted(files.items()))


def _document(label: str, found: Sequence[tuple[Board, Row]], publisher: str) -> dict[str, Any] | None:
    results = [
        _result(board, row, board.metrics[name], value)
        for board, row in found
        for name, value in row.values.items()
        if value.mean is not None and value.is_complete and board.metrics[name].better != "neither"
    ]
    if not results:
        return None
    records = [result for _, row in found for result in row.results]
    written = max((_epoch(result.provenance.get("finished")) for result in records), default=0.0)
    board, row = found[0]
    job = row.job
    packages = records[0].provenance.get("packages")
    version = packages.get("genbench") if isinstance(packages, Mapping) else None
    conditions = {
        "budget": clean(job.budget),
        "protocol": clean(job.protocol),
        "device": clean(job.device),
        "threads": str(job.threads),
    }
    if board.setting.hardware:
        conditions["hardware"] = clean(board.setting.hardware)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{BENCHMARK}/{clean(label)}/{written:.0f}",
        "evaluation_timestamp": f"{written:.0f}",
        "retrieved_timestamp": f"{written:.0f}",
        "source_metadata": {
            "source_name": BENCHMARK,
            "source_type": "evaluation_run",
            "source_organization_name": publisher,
            "evaluator_relationship": "other",
            "additional_details": conditions,
        },
        "eval_library": {"name": "genbench", "version": clean(str(version or "unknown"))},
        "model_info": {
            "name": clean(label),
            "id": f"genbench/{clean(job.model)}",
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "unknown",
                "family": clean(row.family),
                "version": clean(job.model_version),
                "hyperparameters": json.dumps(job.hyperparameters, sort_keys=True),
            },
        },
        "evaluation_results": results,
    }


def _result(board: Board, row: Row, metric: BoardMetric, value: Value) -> dict[str, Any]:
    job, dataset = board.setting.job, board.dataset
    name = clean(metric.name)
    details = {"seeds": ", ".join(map(str, sorted(value.by_seed)))}
    if value.kind:
        details["likelihood_kind"] = clean(value.kind)
    if metric.extractors:
        details["extractor"] = ", ".join(sorted(metric.extractors))
    score: dict[str, Any] = {"score": value.mean, "details": details}
    if value.stderr is not None:
        score["uncertainty"] = {
            "standard_error": {"value": value.stderr, "method": "samples, test set and seeds"},
            "num_samples": job.samples,
        }
    source: dict[str, Any] = {
        "dataset_name": clean(job.dataset),
        "source_type": "other",
        "additional_details": {"version": clean(job.dataset_version), "split": "test"},
    }
    if dataset is not None:
        source["additional_details"] |= {
            "source": clean(dataset.source),
            "licence": clean(dataset.licence),
            "citation": clean(dataset.citation),
        }
    return {
        "evaluation_result_id": f"{clean(board.title)}/{name}",
        "evaluation_name": clean(job.dataset),
        "source_data": source,
        "metric_config": {
            "metric_id": f"{BENCHMARK}.{name}",
            "metric_name": name,
            "metric_unit": metric.unit or "none",
            "lower_is_better": metric.better == "lower",
            "score_type": "continuous",
            "min_score": "-Infinity",
            "max_score": "Infinity",
        },
        "score_details": score,
    }


def _epoch(text: object) -> float:
    """Seconds since 1970 of a time in a record; 0 where it is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _uuid(content: bytes) -> str:
    """A UUID of version 4 by its form, whose digits are those of a checksum."""
    return str(uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4))
