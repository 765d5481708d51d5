"""The object behind `genbench_run`: makes a job from the arguments of a call and runs it in a worker, once per
session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import pytest
from filelock import FileLock
from rich.console import Console

from genbench.api.budget import Budget
from genbench.api.cards import DatasetCard, Hyperparameter, ModelCard
from genbench.cli.download_bars import fetch_all
from genbench.cli.run import choose_device
from genbench.errors import DataError, GenbenchError
from genbench.execution.local_executor import LocalExecutor
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.attempts import Attempt
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.records.task import Task
from genbench.runner.planning import Request, make_plan
from genbench.runner.provenance import collect_provenance
from genbench.runner.run_benchmark import make_task
from genbench.runner.suite import Suite
from pytest_genbench.outcome import RunResult
from pytest_genbench.subject import read_model

DEFAULT_BUDGET = Budget(seconds=5.0)
DEFAULT_DEVICE = "cpu"


class RunSettings(TypedDict, total=False):
    """The keyword arguments of `RunSession.__call__`, for functions that hand them on."""

    budget: str | None
    """The training budget, as in "500steps"; None for the default."""
    seed: int
    """The seed of the run."""
    hyperparameters: Mapping[str, Hyperparameter] | None
    """Hyperparameters to set; the others have their defaults."""
    samples: int
    """How many samples are scored, if the validation and test splits have as many."""
    importance_samples: int
    """k of the IWAE bound."""
    sampling_seconds: float
    """The time in which the samples that are scored must be drawn."""
    extractor: str | None
    """The feature extractor; None for that of the data set."""
    device: str | None
    """Where the model runs: "auto", "cpu" or "cuda"; None for the default."""
    threads: int
    """Threads of the worker."""


class RunSession:
    """Runs models, and keeps the results.

    folder: for the run of the session; several processes of a session may share it. forced_budget, forced_device: used
    in place of what a call asks for. default_budget, default_device: used for calls that do not ask for any.
    """

    def __init__(
        self,
        folder: Path,
        *,
        forced_budget: Budget | None = None,
        forced_device: str | None = None,
        default_budget: Budget | None = None,
        default_device: str | None = None,
    ) -> None:
        self.folder = folder
        self._forced_budget, self._forced_device = forced_budget, forced_device
        self._default_budget, self._default_device = default_budget, default_device
        self._results: dict[str, RunResult] = {}
        self._provenance: dict[str, Any] | None = None

    def __call__(
        self,
        model: str | ModelCard | type,
        dataset: str | DatasetCard,
        *,
        budget: str | None = None,
        seed: int = 0,
        hyperparameters: Mapping[str, Hyperparameter] | None = None,
        samples: int = 1000,
        importance_samples: int = 100,
        sampling_seconds: float = 20.0,
        extractor: str | None = None,
        device: str | None = None,
        threads: int = 1,
    ) -> RunResult:
        """Run a model on a data set, or return the result of an equal call earlier in the session.

        Failures of the model (exceptions, hanging, NaN) are in the `status` and `reason` of the result. Mistakes in the
        call (unknown names, a model that cannot take the data, a budget that cannot be read) fail the test with one
        line.

        samples: how many are scored, if the validation and test splits have as many. The other arguments are those of
        `genai-bench run` and of suites.
        """
        __tracebackhide__ = True
        wanted_device = self._forced_device or device or self._default_device or DEFAULT_DEVICE
        try:
            asked_budget = self._forced_budget or (Budget.parse(budget) if budget else None)
            suite = Suite(
                name="pytest",
                summary="one run inside a test",
                budget=asked_budget or self._default_budget or DEFAULT_BUDGET,
                sampling_seconds=sampling_seconds,
                seeds=1,
                samples=samples,
                importance_samples=importance_samples,
            )
            registry, variant = read_model(model, hyperparameters or {}, load_registry())
            if isinstance(dataset, DatasetCard):
                registry = registry.extended(datasets=[dataset])
            request = Request(
                suite=suite,
                models=[variant.card.name],
                datasets=[dataset.name if isinstance(dataset, DatasetCard) else dataset],
                device=choose_device(wanted_device),
                threads=threads,
                extractor=extractor,
            )
            plan = make_plan(request, registry, ["pytest"])
            job = msgspec.structs.replace(
                plan.jobs[0], seed=seed, variant=variant.label, hyperparameters=variant.hyperparameters
            )
            plan = msgspec.structs.replace(plan, jobs=[job])
            if job.id not in self._results:
                self._results[job.id] = self._run(plan, registry)
        except GenbenchError as error:
            problem = str(error)
        else:
            return self._results[job.id]
        return pytest.fail(f"genbench_run: {problem}")

    def _run(self, plan: Plan, registry: Registry) -> RunResult:
        (job,) = plan.jobs
        self.folder.mkdir(parents=True, exist_ok=True)
        # another process of the session may run an equal job
        with FileLock(self.folder / f"{job.id}.lock"):
            if self._provenance is None:
                self._provenance = collect_provenance(job.threads)
            run = Run.create(self.folder / "run", msgspec.structs.replace(plan, provenance=self._provenance))
            stored = run.result(job)
            if stored is None:
                attempt = Attempt.new(run.job_folder(job))
                task = make_task(job, run, registry, attempt=attempt)
                stored = run.store(self._execute(task, attempt), attempt)
            task = make_task(job, run, registry)
        return RunResult(stored, task, run.parts_folder(job), registry.metrics)

    def _execute(self, task: Task, attempt: Attempt) -> Result:
        for why in fetch_all([task.dataset], Console(quiet=True)).values():
            raise DataError(why)
        executor = LocalExecutor(workers=1)
        (result,) = executor.execute([task], lambda job: attempt.log_path, lambda job, message: None)
        return msgspec.structs.replace(result, provenance=self._provenance or {})
