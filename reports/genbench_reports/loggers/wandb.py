"""Weights & Biases: one run per job, grouped by benchmark run. Without an API key it stays offline and does not ask."""

from __future__ import annotations

import logging
import netrc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from genbench.records.job import Job
from genbench.records.result import CurvePoint, Result
from genbench.records.run_folder import Run
from genbench_reports.loggers import tracked

if TYPE_CHECKING:
    import wandb

_log = logging.getLogger(__name__)

PROJECT = "genbench"
AXIS = "budget_used"
_INIT_TIMEOUT_SECONDS = 30.0


def open_logger(run: Run, target: str | None) -> WandbLogger:
    """target: PROJECT or ENTITY/PROJECT; None stands for WANDB_PROJECT, or for "genbench" where that is not set. Files
    are in "wandb" in the run's folder, or in WANDB_DIR. Raises UsageError where that cannot be written."""
    entity, _, project = (target or os.environ.get("WANDB_PROJECT") or PROJECT).rpartition("/")
    folder = tracked.writable_folder(Path(os.environ.get("WANDB_DIR") or run.folder))
    mode: Literal["offline"] | None = None
    if not os.environ.get("WANDB_MODE") and not has_api_key():
        mode = "offline"
        _log.warning(
            "logger wandb: there is no API key, so runs stay offline; `wandb sync %s/wandb/offline-run-*` uploads them",
            folder,
        )
    return WandbLogger(run, entity or None, project, folder, mode)


def has_api_key() -> bool:
    """Whether there is one in the environment, or where `wandb login` stores it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or "https://api.wandb.ai").hostname or ""
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        try:
            if path and netrc.netrc(Path(path).expanduser()).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


class WandbLogger:
    """See `genbench.runner.logger_threads.JobLogger`. mode: None leaves it to WANDB_MODE and `wandb`."""

    def __init__(
        self, run: Run, entity: str | None, project: str, folder: Path, mode: Literal["offline"] | None
    ) -> None:
        self._run = run
        self._entity, self._project = entity, project
        self._folder = folder
        self._mode = mode
        self._open: dict[str, wandb.Run] = {}

    def job_started(self, job: Job) -> None:
        self._tracked(job)

    def job_progress(self, job: Job, fraction: float, losses: dict[str, float]) -> None:
        self._tracked(job).log({**tracked.training_losses(losses), AXIS: fraction})

    def job_checkpoint(self, job: Job, point: CurvePoint) -> None:
        self._tracked(job).log({**tracked.checkpoint_metrics(point), AXIS: point.fraction})

    def job_finished(self, job: Job, result: Result) -> None:
        following = self._tracked(job)
        following.summary.update({**tracked.final_metrics(result), **tracked.final_texts(result)})
        following.finish(exit_code=0 if result.status == "ok" else 1)
        del self._open[job.id]

    def close(self) -> None:
        for following in self._open.values():
            following.finish(exit_code=1)
        self._open.clear()

    def _tracked(self, job: Job) -> wandb.Run:
        if job.id not in self._open:
            import wandb

            tags = tracked.tags(job, self._run)
            following = wandb.init(
                project=self._project,
                entity=self._entity,
                group=tracked.run_name(self._run),
                job_type=job.family,
                name=tracked.job_title(job),
                tags=[f"{name}:{tags[name]}"[:64] for name in ("dataset", "family", "seed")],
                config={**tracked.parameters(job), **tags},
                dir=str(self._folder),
                mode=self._mode,
                reinit="create_new",  # several jobs run at once
                settings=wandb.Settings(
                    silent=True, console="off", init_timeout=_INIT_TIMEOUT_SECONDS, x_disable_stats=True
                ),
            )
            following.define_metric(AXIS, hidden=True)
            for prefix in ("training/*", "validation/*", "spent/*"):
                following.define_metric(prefix, step_metric=AXIS)
            self._open[job.id] = following
        return self._open[job.id]
