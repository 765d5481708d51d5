"""What is logged about a job in every tracker, as flat names and plain values.

The axis of training is the used share of the budget, in thousandths (`step`): budgets can be seconds, steps or FLOPs,
and the jobs of a leaderboard share no other axis. What was spent is logged too.
"""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from genbench.errors import UsageError
from genbench.records.job import Job
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run

LAST_STEP = 1000
"""The step at the end of the budget."""
_SETTINGS = (
    "budget",
    "sampling_seconds",
    "samples",
    "importance_samples",
    "extractor",
    "device",
    "threads",
    "model_version",
    "dataset_version",
    "protocol",
)


def step(fraction: float) -> int:
    return round(LAST_STEP * min(max(fraction, 0.0), 1.0))


def run_name(run: Run) -> str:
    """The name of the benchmark run: that of its folder."""
    return run.folder.absolute().name


def job_title(job: Job) -> str:
    return f"{job.variant} on {job.dataset}, seed {job.seed}"


def parameters(job: Job) -> dict[str, bool | int | float | str | None]:
    """Hyperparameters and settings."""
    return {
        **{f"hyperparameters/{name}": value for name, value in sorted(job.hyperparameters.items())},
        **{name: getattr(job, name) for name in _SETTINGS},
    }


def tags(job: Job, run: Run) -> dict[str, str]:
    return {
        "dataset": job.dataset,
        "family": job.family,
        "model": job.model,
        "seed": str(job.seed),
        "job": job.id,
        "benchmark_run": run_name(run),
    }


def training_losses(losses: dict[str, float]) -> dict[str, float]:
    return _finite({f"training/{name}": value for name, value in losses.items()})


def checkpoint_metrics(point: CurvePoint) -> dict[str, float]:
    """Metrics on the validation split, and what was spent by the checkpoint."""
    metrics: dict[str, float | None] = {f"validation/{each.name}": each.value for each in point.metrics}
    spent = {"seconds": point.seconds, "steps": point.steps, "examples": point.examples, "flops": point.flops}
    return _finite({**metrics, **{f"spent/{name}": value for name, value in spent.items()}})


def final_metrics(result: Result) -> dict[str, float]:
    """Metrics on the test split with their standard errors, and costs."""
    values: dict[str, float | None] = {}
    for metric in result.metrics:
        values[f"test/{metric.name}"] = metric.value
        values[f"test/{metric.name}_stderr"] = metric.stderr
    values["selected_fraction"] = result.selected_fraction
    for name, value in msgspec.structs.asdict(result.cost).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            values[f"cost/{name}"] = value
    return _finite(values)


def final_texts(result: Result) -> dict[str, str]:
    """Status and reason, kinds of likelihoods, notes on metrics, the audit, warnings."""
    texts = {"status": result.status, "reason": result.reason or ""}
    for metric in result.metrics:
        if metric.kind is not None:
            texts[f"kind/{metric.name}"] = metric.kind
        if metric.note is not None:
            texts[f"note/{metric.name}"] = metric.note
    if result.audit is not None:
        texts["audit"] = f"{'passed' if result.audit.passed else 'failed'}: {result.audit.detail}"
    if result.warnings:
        texts["warnings"] = "; ".join(result.warnings)
    return {name: text for name, text in texts.items() if text}


def writable_folder(folder: Path) -> Path:
    """The folder, which is created if need be. Raises UsageError where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".genbench-can-write"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None
    return folder.absolute()


def _finite(values: dict[str, float | None]) -> dict[str, float]:
    return {
        name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)
    }
