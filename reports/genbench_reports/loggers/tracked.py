"""What every tracker is told of a job, as flat names and plain values.

The axis of everything that happens in training is the share of the budget that is used, in thousandths (`step`):
budgets may be seconds, steps or FLOPs, and jobs of one table share no other axis. What was spent is logged beside.
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
    """Of the benchmark run: its folder's."""
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


def checkpoint_figures(point: CurvePoint) -> dict[str, float]:
    """On the validation split, with what was spent by then."""
    figures: dict[str, float | None] = {f"validation/{each.name}": each.value for each in point.metrics}
    spent = {"seconds": point.seconds, "steps": point.steps, "examples": point.examples, "flops": point.flops}
    return _finite({**figures, **{f"spent/{name}": value for name, value in spent.items()}})


def final_figures(result: Result) -> dict[str, float]:
    """On the test split, with standard errors, and costs."""
    figures: dict[str, float | None] = {}
    for metric in result.metrics:
        figures[f"test/{metric.name}"] = metric.value
        figures[f"test/{metric.name}_stderr"] = metric.stderr
    figures["selected_fraction"] = result.selected_fraction
    for name, value in msgspec.structs.asdict(result.cost).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            figures[f"cost/{name}"] = value
    return _finite(figures)


def final_texts(result: Result) -> dict[str, str]:
    """Status and reason, the kinds of likelihoods, why figures are missing, the audit."""
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
    """Made where it is not there. Raises UsageError where nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".genbench-can-write"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None
    return folder.absolute()


def _finite(figures: dict[str, float | None]) -> dict[str, float]:
    return {
        name: float(value) for name, value in figures.items() if value is not None and math.isfinite(value)
    }
