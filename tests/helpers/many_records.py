"""Run folders of thousands of records, written without training anything, to measure what planning and reports cost:

    python tests/helpers/many_records.py FOLDER --records 10000
    python tests/helpers/many_records.py FOLDER --records 10000 --suite FILE.toml

The second writes a suite of existing models and data sets too, so that `genai-bench run --suite FILE.toml -j 2 --out
FOLDER` finds all of its jobs done.

A record has the fields and the size (25 kB) of one of a real job. A model differs from the next one by less than its
seeds do; one job in fifty has failed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from genbench.api.cards import DatasetCard, Family, MetricCard
from genbench.api.spec import DataSpec
from genbench.metrics.cards import METRIC_CARDS
from genbench.plugin.discovery import load_registry
from genbench.records.job import PROTOCOL_VERSION, Job
from genbench.records.result import Cost, CurvePoint, MetricValue, Result, ThroughputPoint
from genbench.records.run_folder import Plan, Run
from genbench.runner.metric_versions import metric_versions
from genbench.runner.planning import Request, make_plan
from genbench.runner.suite import load_suite

SEEDS, DATASETS = 5, 20
PLANNED_SEEDS, PLANNED_DATASETS = 25, ("ring8", "grid25", "two-moons", "checkerboard")
FAILING_SHARE = 0.02
_FAMILIES: tuple[Family, ...] = ("gan", "vae", "autoregressive", "energy", "flow", "diffusion", "hybrid")
_BASELINES = ("held-out", "copier", "marginals", "noise")
_CARDS = [
    card
    for card in METRIC_CARDS
    if "image" in card.modalities and not card.requires_truth and not card.name.endswith("_resolution")
]
_ON_CURVE = {"frechet_distance", "bits_per_dim", "nats_per_example"}
_FRACTIONS = (0.1, 0.25, 0.5, 0.75, 1.0)
_PROVENANCE = {
    "time": "2026-01-02T03:04:05+00:00",
    "finished": "2026-01-02T03:05:05+00:00",
    "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False, "origin": None},
    "python": "3.11.8",
    "packages": {"genbench": "0.1.0", "torch": "2.6.0", "numpy": "2.2.0", "scipy": "1.15.0"},
    "platform": "Linux-6.1-x86_64",
    "cpu": "Some CPU",
    "cores": 2,
    "memory_bytes": 2**34,
    "gpu": None,
    "threads": 1,
    "workers": 2,
}


def write_many_records(
    folder: Path,
    records: int,
    *,
    seeds: int = SEEDS,
    datasets: int = DATASETS,
    cpu: str = "Some CPU",
    protocol: str = PROTOCOL_VERSION,
) -> Run:
    """A finished run of `records` jobs: `datasets` x `seeds` x as many models as are needed for that number.

    cpu: the machine that the records name. protocol: that of the jobs.
    """
    cards = [_dataset(number) for number in range(datasets)]
    jobs = []
    for result in islice(_results(cards, seeds, records, cpu), records):  # never all in memory
        if protocol != PROTOCOL_VERSION:
            job = msgspec.structs.replace(result.job, protocol=protocol)
            result = msgspec.structs.replace(result, id=job.id, job=job)
        jobs.append(result.job)
        _write(folder / "jobs" / result.id / "result.json", result)
    plan = Plan(
        suite="synthetic",
        jobs=jobs,
        command=["genai-bench", "run", "--all"],
        datasets={card.name: card for card in cards},
        provenance=_PROVENANCE | {"cpu": cpu},
    )
    (folder / "run.json").write_bytes(msgspec.json.encode(plan))
    return Run(folder, plan)


def write_planned_records(folder: Path, records: int, suite_file: Path) -> Run:
    """A finished run of a suite, which is written into a file: variants of a model on four data sets."""
    registry = load_registry()
    variants = max(1, records // (PLANNED_SEEDS * len(PLANNED_DATASETS)))
    models = [f'"vae:latent_dim={number}"' for number in range(2, 2 + variants)]
    suite_file.write_text(
        'name = "many"\nsummary = "made up"\nsampling_seconds = 20\nsamples = 400\nimportance_samples = 100\n'
        f'budget = "10cpu-s"\nseeds = {PLANNED_SEEDS}\nmodels = [{", ".join(models)}]\n'
        f"datasets = {msgspec.json.encode(PLANNED_DATASETS).decode()}\n"
    )
    plan = make_plan(Request(suite=load_suite(str(suite_file))), registry, ["genai-bench", "run"])
    run = Run.create(folder, msgspec.structs.replace(plan, provenance=_PROVENANCE))
    versions = metric_versions(registry.metrics.values())
    cards = {card.name: versions.get(card.factory or "") for card in registry.metrics.values()}
    for place, job in enumerate(run.plan.jobs):
        result = _outcome(job, place // PLANNED_SEEDS, random.Random(place), "Some CPU")
        metrics = [msgspec.structs.replace(each, version=cards.get(each.name)) for each in result.metrics]
        _write(run.result_path(job), msgspec.structs.replace(result, metrics=metrics))
    return run


def _write(path: Path, result: Result) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1))


def _results(cards: list[DatasetCard], seeds: int, records: int, cpu: str) -> Iterator[Result]:
    models = -(-records // (seeds * len(cards)))
    for place in range(models):
        for number, card in enumerate(cards):
            for seed in range(seeds):
                yield _result(place, card, seed, random.Random(f"{place} {number} {seed}"), cpu)


def _dataset(number: int) -> DatasetCard:
    name = f"pictures-{number:02d}"
    return DatasetCard(
        spec=DataSpec(name=name, modality="image", event_shape=(1, 8, 8), levels=17, classes=10),
        summary="made-up pictures",
        sizes=(1000, 400, 400),
        splits="drawn apart",
        source="none",
        licence="none",
        citation="none",
        factory="many_records:nothing",
    )


def _result(place: int, card: DatasetCard, seed: int, chance: random.Random, cpu: str) -> Result:
    is_baseline = place < len(_BASELINES)
    name = _BASELINES[place] if is_baseline else f"model-{place:04d}"
    job = Job(
        model=name,
        family="baseline" if is_baseline else _FAMILIES[place % len(_FAMILIES)],
        model_version="0.1.0+0123456789ab",
        variant=name if is_baseline else f"{name}:width={32 + place}",
        hyperparameters={"width": 32 + place, "learning_rate": 1e-3, "depth": 3},
        dataset=card.name,
        dataset_version="1+0123456789ab",
        budget="10cpu-s",
        sampling_seconds=20.0,
        samples=400,
        importance_samples=100,
        seed=seed,
        device="cpu",
        threads=1,
        extractor="digits-net:0123456789ab",
        ranking="frechet_distance",
    )
    return _outcome(job, place, chance, cpu)


def _outcome(job: Job, place: int, chance: random.Random, cpu: str) -> Result:
    """A made-up result."""
    name, is_baseline = job.model, job.family == "baseline"
    provenance = _PROVENANCE | {"cpu": cpu}
    if chance.random() < FAILING_SHARE and not is_baseline:
        return Result(id=job.id, status="diverged", job=job, reason="loss is nan", provenance=provenance)
    quality = 0.3 if name == "held-out" else 1 + 0.02 * place + 0.05 * chance.gauss(0, 1)
    metrics = [_value(metric, quality * (1 + 0.01 * chance.gauss(0, 1)), place) for metric in _CARDS]
    on_curve = [metric for metric in _CARDS if metric.name in _ON_CURVE]
    curve = [
        CurvePoint(
            fraction=fraction,
            seconds=10 * fraction,
            cpu_seconds=10 * fraction,
            steps=int(1000 * fraction),
            examples=int(64000 * fraction),
            flops=1e9 * fraction,
            losses={"loss": chance.random(), "regulariser": chance.random()},
            metrics=[_value(metric, quality * (2 - fraction), place) for metric in on_curve],
        )
        for fraction in _FRACTIONS
    ]
    speed = 1000 * chance.random()
    cost = Cost(
        train_seconds=10 + chance.random(),
        train_cpu_seconds=10.0,
        bound_by="cpu_seconds",
        steps=1000,
        examples=64000,
        flops=1e9,
        parameters=1000 * (1 + place),
        samples_per_second=speed,
        sample_latency_seconds=1e-3,
        throughput=[ThroughputPoint(batch=2**n, repeats=20, samples_per_second=speed) for n in range(12)],
        train_peak_rss_bytes=2**20 * (1 + place),
        sample_peak_rss_bytes=2**18,
        wall_seconds_by_phase={"train": 10.0, "sample": 1.0, "score": 2.0},
    )
    return Result(
        id=job.id,
        status="ok",
        job=job,
        metrics=metrics,
        selected_fraction=1.0,
        curve=curve,
        cost=cost,
        provenance=provenance,
    )


def _value(card: MetricCard, value: float, place: int) -> MetricValue:
    is_likelihood = card.group == "likelihood"
    return MetricValue(
        name=card.name,
        value=value,
        unit=card.unit,
        better=card.better,
        stderr=0.02 * abs(value),
        test_stderr=0.01 * abs(value),
        kind=("exact" if place % 2 else "IWAE-100") if is_likelihood else None,
        n=400,
        dimension=None if is_likelihood else 64,
        extractor=None if is_likelihood else "digits-net:0123456789ab",
        version="0123456789ab",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--datasets", type=int, default=DATASETS)
    parser.add_argument("--cpu", default="Some CPU")
    parser.add_argument("--suite", type=Path, metavar="FILE")
    wanted = parser.parse_args()
    if wanted.suite is not None:
        made = write_planned_records(wanted.folder, wanted.records, wanted.suite)
    else:
        made = write_many_records(
            wanted.folder, wanted.records, seeds=wanted.seeds, datasets=wanted.datasets, cpu=wanted.cpu
        )
    print(f"{len(made.plan.jobs)} records in {wanted.folder}")
