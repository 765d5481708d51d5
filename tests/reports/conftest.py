"""Hand-made results: what the reports are fed in these tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from genbench.api.cards import DatasetCard, MetricCard
from genbench.api.spec import DataSpec
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import Cost, MetricValue, Result
from genbench.records.run_folder import Plan, Run

PROVENANCE = {
    "time": "2026-01-02T03:04:05+00:00",
    "git": {"commit": "0123456789abcdef", "dirty": True, "origin": None},
    "python": "3.11.8",
    "packages": {"genbench": "0.1.0", "torch": "2.13.0"},
    "platform": "Linux",
    "cpu": "Some CPU",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "gpu": None,
    "threads": 1,
}
METRICS: dict[str, MetricCard] = {card.name: card for card in METRIC_CARDS}


def make_result(
    model: str = "vae",
    *,
    seed: int = 0,
    family: str = "vae",
    dataset: str = "tiny-image",
    figures: dict[str, float | MetricValue | None] | None = None,
    kind: str = "exact",
    status: str = "ok",
    reason: str | None = None,
    budget: str = "10s",
    variant: str | None = None,
    version: str = "0.1.0+aaaa",
    cost: Cost | None = None,
    warnings: Sequence[str] = (),
    **job_fields: Any,
) -> Result:
    """figures: values by metric name, with unit and direction from the cards. kind: of the likelihoods."""
    job = Job(
        **{
            "model": model,
            "family": family,
            "model_version": version,
            "variant": variant or model,
            "hyperparameters": {},
            "dataset": dataset,
            "dataset_version": "1",
            "budget": budget,
            "sampling_seconds": 20.0,
            "samples": 100,
            "importance_samples": 100,
            "seed": seed,
            "device": "cpu",
            "threads": 1,
            **job_fields,
        }
    )
    metrics = [
        value if isinstance(value, MetricValue) else make_figure(name, value, kind)
        for name, value in (figures or {}).items()
    ]
    return Result(
        id=job.id,
        status=status,
        reason=reason,
        job=job,
        metrics=metrics,
        cost=cost or Cost(),
        warnings=list(warnings),
        provenance=PROVENANCE,
    )


def make_figure(name: str, value: float | None, kind: str = "exact", **fields: Any) -> MetricValue:
    card = METRICS[name]
    return MetricValue(
        **{
            "name": name,
            "value": value,
            "unit": card.unit,
            "better": card.better,
            "kind": kind if card.group == "likelihood" else None,
            "n": 100,
            "extractor": "pca:1234" if card.extractor else None,
            **fields,
        }
    )


def make_dataset(name: str, modality: str, levels: int | None) -> DatasetCard:
    shapes = {"points": (2,), "image": (1, 8, 8), "series": (24, 1), "tokens": (16,), "pianoroll": (16, 88)}
    shape = shapes[modality]
    return DatasetCard(
        spec=DataSpec(name=name, modality=modality, event_shape=shape, levels=levels),
        summary="made up",
        sizes=(10, 10, 10),
        splits="none",
        source="none",
        licence="none",
        citation="none",
        factory="nowhere:nothing",
    )


DATASETS: dict[str, DatasetCard] = {
    card.name: card
    for card in (
        make_dataset("tiny-image", "image", 17),
        make_dataset("tiny-points", "points", None),
        make_dataset("tiny-series", "series", None),
        make_dataset("tiny-tokens", "tokens", 30),
        make_dataset("tiny-pianoroll", "pianoroll", 2),
    )
}


@pytest.fixture(scope="session")
def result() -> Callable[..., Result]:
    return make_result


@pytest.fixture(scope="session")
def figure() -> Callable[..., MetricValue]:
    return make_figure


@pytest.fixture(scope="session")
def metric_cards() -> dict[str, MetricCard]:
    return dict(METRICS)


@pytest.fixture(scope="session")
def dataset_cards() -> dict[str, DatasetCard]:
    return dict(DATASETS)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """A registry that knows the harness's metrics and the data sets of these tests."""
    return Registry(hook=load_registry().hook, metrics=dict(METRICS), datasets=dict(DATASETS))


@pytest.fixture
def stored_run(tmp_path: Path) -> Callable[..., Run]:
    """Write results into a run folder, as a run would."""

    def store(results: Sequence[Result], name: str = "run", suite: str = "quick") -> Run:
        refused = [result for result in results if result.status == "unsupported"]
        jobs = [result.job for result in results if result.status != "unsupported"]
        plan = Plan(
            suite=suite,
            jobs=jobs,
            refused=refused,
            command=["genai-bench", "run", "--all"],
            provenance=PROVENANCE,
        )
        run = Run.create(tmp_path / name, plan)
        for result in results:
            if result.status != "unsupported":
                run.store(result)
        return run

    return store
