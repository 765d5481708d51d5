"""`genbench.trained_model`: the model of a job in the state that was scored, to do more with it.

A run keeps samples and no weights, because those of a suite would be gigabytes. So the model is trained again as its
job says, with the job's seed, and its weights are kept in the cache for the next call.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import tempfile
from pathlib import Path

import msgspec
import torch

from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel
from genbench.datasets.prepared import load_data
from genbench.errors import DataError, UsageError
from genbench.execution.stages.job_context import JobContext
from genbench.execution.stages.state_files import load_state, save_state
from genbench.execution.stages.training import CHOSEN, TrainingStage
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.run_folder import Run
from genbench.records.task import Observer, Outcome, StageRequest, Task
from genbench.runner.run_benchmark import make_task
from genbench.util.cache_folder import cache_folder
from genbench.util.source_hash import source_hash


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """The model of a job, and what it was trained on."""

    job: Job
    """What was run."""
    model: GenerativeModel
    """The model in the state that was chosen on the validation split, in evaluation mode."""
    dataset: Dataset
    """The data set of the job, test split included."""
    alphabet: tuple[str, ...] | None
    """The symbol of each code where tokens are text; None for other data."""


def trained_model(
    run: Path | str | Run,
    model: str,
    dataset: str,
    *,
    seed: int | None = None,
    registry: Registry | None = None,
) -> TrainedModel:
    """The model of a run's job, trained again under the job's budget unless the cache has its weights.

    run: a run's folder. model: a name, or one with settings as reports show it ("lstm:hidden=64"). seed: of the job;
    None for the first that the run has. Budgets in seconds end training at another step each time, so that weights are
    like those of the run, and equal only where the budget is in steps.

    Raises UsageError where the run has no such job, UnknownNameError where model or data set are not installed, and
    what the model raises in training.
    """
    opened = run if isinstance(run, Run) else Run.open(Path(run))
    registry = registry or load_registry()
    job = _job(opened, model, dataset, seed)
    if job.device != "cpu" and not torch.cuda.is_available():
        raise UsageError(f"{job.variant} was trained on {job.device}, which this machine has not")
    with tempfile.TemporaryDirectory(prefix="genbench-") as folder:
        request = StageRequest(name="train", folder=folder, so_far=Outcome())
        # the card in a run's folder names a function, and may be anyone's: only announced data sets are built, and
        # files that the caller names
        card = registry.dataset(dataset)
        task = msgspec.structs.replace(make_task(job, opened, registry, dataset=card), stage=request)
        trained = _restored(task, _weights_path(task))
    return TrainedModel(job, trained, load_data(task.dataset), task.dataset.alphabet)


def _job(run: Run, model: str, dataset: str, seed: int | None) -> Job:
    jobs = [
        job
        for job in run.plan.jobs
        if model in (job.model, job.variant) and job.dataset == dataset and seed in (None, job.seed)
    ]
    if not jobs:
        of_seed = "" if seed is None else f" of seed {seed}"
        raise UsageError(f"{run.folder} has no job{of_seed} of {model} on {dataset}")
    return min(jobs, key=lambda job: (job.variant != model, job.seed))


def _weights_path(task: Task) -> Path:
    """Where the weights are kept that the installed code trains for this job; the run may have had other code."""
    code = source_hash(task.model_factory)
    return cache_folder() / "weights" / f"{task.job.id}-{code}.safetensors"


def _restored(task: Task, weights: Path) -> GenerativeModel:
    stage = TrainingStage(task, Observer())
    if not weights.exists():
        print(
            f"training {task.job.variant} on {task.job.dataset} again ({task.job.budget}): runs keep no weights",
            file=sys.stderr,
        )
        stage.run()
        with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
            weights.parent.mkdir(parents=True, exist_ok=True)
            save_state(load_state(stage.folder / CHOSEN), weights)
        state = load_state(stage.folder / CHOSEN)
    else:
        try:
            state = load_state(weights)
        except DataError:
            weights.unlink()
            return _restored(task, weights)
    model = JobContext.load_and_build(stage, with_test=False).model
    model.load_state_dict(state)
    return model.eval()
