"""`genai-bench rerun RUN JOB`: runs a row again from its record, and says whether it came out the same."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from genbench.api.exit_codes import ExitCode
from genbench.cli.download_bars import fetch_all
from genbench.cli.live_view import LiveView
from genbench.cli.run import choose_device
from genbench.errors import RunFolderError, UsageError
from genbench.plugin.registry import Registry
from genbench.plugin.unannounced_models import with_unannounced
from genbench.records.find_record import find_job
from genbench.records.result import MetricValue
from genbench.records.run_folder import Run
from genbench.runner.provenance import collect_provenance
from genbench.runner.record_changes import RecordChanges, ValueChange, compare_records, spread_over_seeds
from genbench.runner.rerun import job_of_today, run_again

_MAX_VALUES = 10
"""How many values that differ are named."""


def rerun_command(
    folder: Path, beginning: str, model: str | None, output: Path | None, registry: Registry, console: Console
) -> int:
    """Run the job again, say how it compares with its record, and return the exit code.

    beginning: of the job's id. model: a class that no plugin announces, as `run -m` takes it. output: where the new
    result is kept; None: nowhere.
    """
    run = Run.open(folder)
    job = find_job(run, beginning, hint=f"genai-bench show {folder} -m MODEL -d DATASET shows ids")
    then = run.result(job)
    if then is None:
        refused = any(result.id == job.id for result in run.plan.refused)
        why = "was refused: the model cannot take the data set" if refused else "has no result yet"
        raise UsageError(f"{job.variant} on {job.dataset}, seed {job.seed}, {why}")
    if model is not None:
        _, registry = with_unannounced([model], registry)
    choose_device(job.device)
    today, plan = job_of_today(job, registry)
    for name, why in fetch_all(list(plan.datasets.values()), console).items():
        raise UsageError(f"{name} is missing: {why}")
    with _new_folder(output) as fresh:
        provenance = collect_provenance(job.threads) | {"workers": 1}
        with LiveView(console, [today], 1, []) as view:
            now = run_again(plan, fresh, registry, provenance, view)
    changes = compare_records(then, now, spread_over_seeds(run, job))
    for line in in_words(changes):
        console.print(escape(line), soft_wrap=True)
    if output is not None:
        console.print(f"the new result is in [bold]{escape(str(output))}[/bold]", soft_wrap=True)
    return ExitCode.OK if changes.is_same else ExitCode.REGRESSION


@contextlib.contextmanager
def _new_folder(output: Path | None) -> Iterator[Path]:
    if output is not None:
        if output.exists() and not (output.is_dir() and not any(output.iterdir())):
            raise RunFolderError(f"-o {output} exists; name a new folder")
        yield output
        return
    with tempfile.TemporaryDirectory(prefix="genbench-rerun-") as folder:
        yield Path(folder) / "run"


def in_words(changes: RecordChanges) -> Iterator[str]:
    """What is printed, a line each. Not escaped."""
    job = changes.then.job
    yield f"{job.variant} on {job.dataset}, seed {job.seed}, {job.budget}: {_verdict(changes)}"
    apart = [value for value in changes.values if value.sameness == "different"]
    if changes.then.status == changes.now.status and not changes.is_same:
        apart = apart or [value for value in changes.values if value.sameness != "identical"]
        yield from (f"  {_value_line(value)}" for value in apart[:_MAX_VALUES])
        if len(apart) > _MAX_VALUES:
            yield f"  and {len(apart) - _MAX_VALUES} more"
    steps = changes.then.cost.steps, changes.now.cost.steps
    if not changes.is_repeatable and steps[0] is not None and steps[0] != steps[1]:
        yield f"the budget depends on a clock: training had {steps[0]:,} steps then, {steps[1] or 0:,} now"
    if changes.differences:
        yield "what differs:"
        yield from (f"  {each.what}: {each.then} then, {each.now} now" for each in changes.differences)
    elif not changes.is_same:
        yield "nothing that is recorded differs: code, packages, machine and settings are what they were"


def _verdict(changes: RecordChanges) -> str:
    then, now = changes.then, changes.now
    if then.status != now.status:
        reasons = [f" ({result.reason})" if result.reason else "" for result in (then, now)]
        return f"did not come out the same: {then.status}{reasons[0]} then, {now.status}{reasons[1]} now"
    if then.status != "ok":
        other = "" if then.reason == now.reason else f"; the reason was: {then.reason}"
        return f"failed again in the same way: {now.status} ({now.reason}){other}"
    count = len(changes.values)
    if changes.sameness == "identical":
        samples = " and the samples" if changes.has_same_samples else ""
        return f"came out the same, bit for bit: all {count} values{samples}"
    if changes.sameness == "rounding":
        return f"came out the same: all {count} values are equal to rounding"
    if changes.is_same:
        furthest = max(changes.values, key=lambda value: value.errors or 0.0)
        return (
            f"came out the same within its errors: of {count} values the furthest apart is {furthest.name}, by"
            f" {furthest.errors or 0.0:.1f} standard errors"
        )
    different = sum(value.sameness == "different" for value in changes.values)
    if different:
        return f"did not come out the same: {different} of {count} values differ by more than their errors"
    moved = sum(value.sameness == "within errors" for value in changes.values)
    return (
        f"did not come out the same: {moved} of {count} values differ, within their errors; under this budget they"
        " should be equal"
    )


def _value_line(value: ValueChange) -> str:
    return f"{value.name}: {_number(value.then)} then, {_number(value.now)} now"


def _number(metric: MetricValue | None) -> str:
    if metric is None or metric.value is None:
        return "no value"
    error = "" if metric.stderr is None else f"±{metric.stderr:.2g}"
    return f"{metric.value:.6g}{error}"
