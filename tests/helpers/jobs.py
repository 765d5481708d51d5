"""Jobs and tasks for tests that run real workers."""

from __future__ import annotations

from pathlib import Path

from genbench.api.cards import DatasetCard, ExtractorCard, MetricCard
from genbench.api.spec import DataSpec
from genbench.records.job import Job
from genbench.records.task import Task

TINY = DatasetCard(
    spec=DataSpec(name="tiny", modality="points", event_shape=(2,)),
    summary="sixty-four points",
    sizes=(32, 16, 16),
    splits="in order",
    source="made up",
    licence="CC0",
    citation="none",
    factory="hostile_models:tiny_dataset",
)
VALUES = ExtractorCard(
    name="values", summary="", modalities=("points",), factory="genbench.features.pixels:values"
)


def make_job(model: str, **changes: object) -> Job:
    fields: dict[str, object] = {
        "model": model,
        "family": "baseline",
        "model_version": "1",
        "variant": model,
        "hyperparameters": {},
        "dataset": "tiny",
        "dataset_version": "1",
        "budget": "50steps",
        "sampling_seconds": 5.0,
        "samples": 16,
        "importance_samples": 10,
        "seed": 0,
        "device": "cpu",
        "threads": 1,
    }
    return Job(**{**fields, **changes})  # type: ignore[arg-type]


def make_task(model: str, folder: Path, dataset: DatasetCard = TINY, **changes: object) -> Task:
    job = make_job(model, **changes)
    path = folder / "jobs" / job.id / "samples.safetensors"
    metrics: list[MetricCard] = []
    return Task(
        job=job,
        model_factory=f"hostile_models:{model}",
        dataset=dataset,
        extractor=VALUES,
        metrics=metrics,
        samples_path=str(path),
    )
