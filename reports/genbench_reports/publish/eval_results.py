"""Export for model pages of the Hugging Face Hub: `.eval_results/*.yaml`, one file per model.

The format: https://github.com/huggingface/hub-docs/blob/main/eval_results.yaml. A value belongs to a task of a
benchmark, which is a data set on the Hub, so there is nothing to export without its name. The files are written as
JSON, which every reader of YAML takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from genbench_reports.format.text import clean, file_name
from genbench_reports.leaderboard.rows import Board, Row


def eval_results_files(boards: Sequence[Board], hub_name: str) -> dict[str, bytes]:
    """By path: the ranking metric of each model on each leaderboard, mean over seeds.

    hub_name: of the data set on the Hub, "USER/NAME".
    """
    entries: dict[str, list[dict[str, Any]]] = {}
    for board in boards:
        for row in board.contenders:
            if (entry := _entry(board, row, hub_name)) is not None:
                entries.setdefault(row.label, []).append(entry)
    return {
        f"exports/eval_results/{file_name(clean(label))}.yaml": (json.dumps(found, indent=1) + "\n").encode()
        for label, found in sorted(entries.items())
    }


def _entry(board: Board, row: Row, hub_name: str) -> dict[str, Any] | None:
    value = row.values.get(board.headline)
    if value is None or value.mean is None or not value.is_complete:
        return None
    entry: dict[str, Any] = {
        "dataset": {"id": hub_name, "task_id": clean(board.setting.job.dataset)},
        "value": value.mean,
        "source": {"url": f"https://huggingface.co/datasets/{hub_name}", "name": "genai-bench"},
        "notes": ", ".join(_notes(board, row)),
    }
    days = sorted(clean(str(each.provenance.get("finished", ""))) for each in row.results)
    if days and days[-1]:
        entry["date"] = days[-1]
    return entry


def _notes(board: Board, row: Row) -> Iterable[str]:
    metric, job = board.ranking_metric, board.setting.job
    better = "" if metric.better == "neither" else f", {metric.better} is better"
    yield f"{metric.name} ({metric.unit or 'no unit'}{better})"
    error = row.values[board.headline].stderr
    if error is not None:
        yield f"standard error {error:.3g}"
    yield f"budget {clean(job.budget)}"
    yield f"{len(row.seeds)} seed{'s' * (len(row.seeds) != 1)}"
    yield f"protocol {clean(job.protocol)}"
    if board.setting.hardware:
        yield clean(board.setting.hardware)
