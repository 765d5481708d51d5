"""An MLflow tracking store: one run per job, nested under a run for the benchmark run."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.records.job import Job
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run
from genbench_reports.loggers import tracked

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "genbench"
_DATABASE = "mlflow.db"
_MAX_TAG_CHARACTERS = 5000
# settings of MLflow unless the user has set them: by default it retries a dead server for minutes, and sends telemetry
_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def open_logger(run: Run, target: str | None) -> MlflowLogger:
    """target: a tracking URI, or a folder for a new database; None stands for MLFLOW_TRACKING_URI, or for a database in
    the run's folder where that is not set. Raises UsageError where the folder cannot be written."""
    place = target or os.environ.get("MLFLOW_TRACKING_URI") or str(run.folder)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if "://" in place or place.startswith("databricks"):
        return MlflowLogger(run, place, None)
    folder = tracked.writable_folder(Path(place).expanduser())
    return MlflowLogger(run, f"sqlite:///{folder / _DATABASE}", (folder / "mlflow-artifacts").as_uri())


class MlflowLogger:
    """See `genbench.runner.logger_threads.JobLogger`. artifacts: where MLflow puts files; None: where the
    server decides."""

    def __init__(self, run: Run, tracking_uri: str, artifacts: str | None) -> None:
        self._run = run
        self._uri = tracking_uri
        self._artifacts = artifacts
        self._client: MlflowClient | None = None
        self._experiment = ""
        self._parent = ""
        self._ids: dict[str, str] = {}

    def job_started(self, job: Job) -> None:
        self._run_id(job)

    def job_progress(self, job: Job, fraction: float, losses: dict[str, float]) -> None:
        self._metrics(job, tracked.training_losses(losses), tracked.step(fraction))

    def job_checkpoint(self, job: Job, point: CurvePoint) -> None:
        self._metrics(job, tracked.checkpoint_metrics(point), tracked.step(point.fraction))

    def job_finished(self, job: Job, result: Result) -> None:
        from mlflow.entities import RunTag

        self._metrics(job, tracked.final_metrics(result), tracked.LAST_STEP)
        texts = tracked.final_texts(result)
        client, run_id = self._connected(), self._run_id(job)
        tags = [RunTag(name, text[:_MAX_TAG_CHARACTERS]) for name, text in texts.items()]
        client.log_batch(run_id, tags=tags)
        client.set_terminated(run_id, "FINISHED" if result.status == "ok" else "FAILED")
        del self._ids[job.id]

    def close(self) -> None:
        if self._client is None:
            return
        for run_id in self._ids.values():
            self._client.set_terminated(run_id, "KILLED")
        self._ids.clear()
        if self._parent:
            self._client.set_terminated(self._parent, "KILLED" if self._run.pending() else "FINISHED")

    def _connected(self) -> MlflowClient:
        if self._client is None:
            from mlflow.tracking import MlflowClient

            for name in ("mlflow", "alembic"):  # they report the creation of tables
                logging.getLogger(name).setLevel(logging.WARNING)
            client = MlflowClient(tracking_uri=self._uri)
            self._experiment = self._find_experiment(client)
            parent = client.create_run(
                self._experiment,
                run_name=tracked.run_name(self._run),
                tags={
                    "suite": self._run.plan.suite,
                    "command": " ".join(self._run.plan.command)[:_MAX_TAG_CHARACTERS],
                },
            )
            self._client, self._parent = client, parent.info.run_id
        return self._client

    def _find_experiment(self, client: MlflowClient) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        return str(client.create_experiment(name, artifact_location=self._artifacts))

    def _run_id(self, job: Job) -> str:
        if job.id not in self._ids:
            from mlflow.entities import Param

            client = self._connected()
            created = client.create_run(
                self._experiment,
                run_name=tracked.job_title(job),
                tags={**tracked.tags(job, self._run), "mlflow.parentRunId": self._parent},
            )
            run_id = self._ids[job.id] = created.info.run_id
            settings = tracked.parameters(job)
            client.log_batch(run_id, params=[Param(name, str(value)) for name, value in settings.items()])
        return self._ids[job.id]

    def _metrics(self, job: Job, metrics: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        values: list[Any] = [Metric(name, value, now, step) for name, value in metrics.items()]
        client, run_id = self._connected(), self._run_id(job)
        if values:
            client.log_batch(run_id, metrics=values)
