"""Timing the model of a run with pytest-benchmark, in this process, with the seeds and threads of the job."""

from __future__ import annotations

from typing import Any

import torch

from genbench.api.budget import Budget
from genbench.api.cards import load_factory
from genbench.api.compute_meter import ComputeMeter
from genbench.api.data import Dataset
from genbench.api.model import GenerativeModel
from genbench.datasets.prepared import load_data
from genbench.execution.threads import limited_threads
from genbench.measure.speed import synchronised_clock
from genbench.records.task import Task
from genbench.util.seeding import derive_seed, seeded

_WARMUP_ROUNDS = 2


def time_sampling(benchmark: Any, task: Task, *, count: int, rounds: int) -> None:
    """Times calls of `sample(count)`; on a GPU, until the device has finished."""
    job, device = task.job, torch.device(task.job.device)
    with limited_threads(job.threads), seeded(derive_seed(job.seed, job.dataset, "training"), device):
        model = _trained(task, load_data(task.dataset), job.training_budget)
        generator = torch.Generator(device).manual_seed(derive_seed(job.seed, job.dataset, "latency"))

        def draw() -> None:
            with torch.no_grad():
                model.sample(count, generator)
            synchronised_clock(device)

        benchmark.extra_info.update(what="sample", samples_per_round=count)
        benchmark.pedantic(draw, rounds=rounds, iterations=1, warmup_rounds=_WARMUP_ROUNDS)


def time_training(benchmark: Any, task: Task, *, steps: int, rounds: int) -> None:
    """Times `fit` for `steps` steps, including what the model prepares in it. Building the model is not timed."""
    job, device = task.job, torch.device(task.job.device)
    with limited_threads(job.threads), seeded(derive_seed(job.seed, job.dataset, "training"), device):
        dataset = load_data(task.dataset)

        def fresh() -> tuple[tuple[GenerativeModel, ComputeMeter], dict[str, Any]]:
            model, meter = _built(task, dataset), _meter(task, dataset, Budget(steps=steps))
            model.train()
            synchronised_clock(device)
            return (model, meter), {}

        def fit(model: GenerativeModel, meter: ComputeMeter) -> None:
            meter.start()
            model.fit(dataset.train, meter)
            meter.finish()
            synchronised_clock(device)

        benchmark.extra_info.update(what="train", steps_per_round=steps)
        benchmark.pedantic(fit, setup=fresh, rounds=rounds, iterations=1, warmup_rounds=_WARMUP_ROUNDS)


def _built(task: Task, dataset: Dataset) -> GenerativeModel:
    job = task.job
    with seeded(derive_seed(job.seed, job.dataset, "initialisation"), torch.device(job.device)):
        model: GenerativeModel = load_factory(task.model_factory)(dataset.spec, **job.hyperparameters)
    return model.to(torch.device(job.device))


def _meter(task: Task, dataset: Dataset, budget: Budget) -> ComputeMeter:
    job = task.job
    return ComputeMeter(
        budget,
        device=job.device,
        seed=derive_seed(job.seed, job.dataset, "data"),
        valid=dataset.valid.to(torch.device(job.device)),
    )


def _trained(task: Task, dataset: Dataset, budget: Budget) -> GenerativeModel:
    model, meter = _built(task, dataset), _meter(task, dataset, budget)
    model.train()
    meter.start()
    model.fit(dataset.train, meter)
    meter.finish()
    return model.eval()
