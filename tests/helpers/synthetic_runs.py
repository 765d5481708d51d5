"""Runs made from records, with samples of every modality: what the HTML report is fed, without training anything.

The data sets are noise of the right shape, which is the hardest to compress; a model's samples are noise of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from genbench.api.cards import DatasetCard
from genbench.api.data import Dataset, Split, storage_dtype, working_dtype
from genbench.api.spec import DataSpec
from genbench.datasets.prepared import load_dataset
from genbench.datasets.versions import dataset_version
from genbench.metrics.cards import METRIC_CARDS
from genbench.records.job import Job
from genbench.records.result import Cost, CurvePoint, MetricValue, Result
from genbench.records.run_folder import Plan, Run
from genbench.samples import class_samples
from genbench.samples.class_samples import ClassSamples
from genbench.samples.completions import Completion, Completions, as_tensor_file
from genbench.samples.conditional_samples import CLASS_SAMPLES_FILE, COMPLETIONS_FILE, LATENT_TRAVERSALS_FILE
from genbench.samples.masks import MASK_NAMES
from genbench.samples.stored import save_samples
from genbench.util.tensor_files import write_tensors

SIZES = (300, 40, 120)
SAMPLES = 100
COMPLETED = 20
CLASSES = 10
CLASS_SAMPLES = 8
ENCODERS = ("vae", "flow", "hybrid")
TAKE_LABELS = ("gan", "autoregressive", "diffusion")
FAMILIES = ("gan", "vae", "autoregressive", "energy", "flow", "diffusion", "hybrid", "baseline")
_SHAPES: Mapping[str, tuple[str, tuple[int, ...], int | None]] = {
    "grey": ("image", (1, 28, 28), 256),
    "binary": ("image", (1, 28, 28), 2),
    "colour": ("image", (3, 32, 32), 256),
    "plane": ("points", (2,), None),
    "space": ("points", (8,), None),
    "bits": ("points", (16,), 2),
    "series": ("series", (24, 1), None),
    "channels": ("series", (24, 6), None),
    "letters": ("tokens", (64,), 27),
    "codes": ("tokens", (64,), 5),
    "music": ("pianoroll", (16, 88), 2),
    "tunes": ("pianoroll", (32, 88), 2),
}
KINDS = tuple(_SHAPES)


def card(kind: str, name: str | None = None) -> DatasetCard:
    modality, shape, levels = _SHAPES[kind]
    name = name or f"some-{kind}"
    return DatasetCard(
        spec=DataSpec(
            name=name,
            modality=modality,  # type: ignore[arg-type]
            event_shape=shape,
            levels=levels,
            classes=CLASSES if modality == "image" else None,
        ),
        summary=f"noise in the shape of {kind}",
        sizes=SIZES,
        splits="drawn apart",
        source="a generator of chance",
        licence="none",
        citation="none",
        factory="synthetic_runs:build",
        argument=f"{kind} {name}",
        alphabet=tuple(" abcdefghijklmnopqrstuvwxyz") if kind == "letters" else None,
    )


def build(argument: str) -> Dataset:
    """The factory of the cards."""
    kind, _, name = argument.partition(" ")
    spec = card(kind, name).spec
    parts = [
        Split(
            spec,
            examples(spec, size, seed).to(storage_dtype(spec)),
            None if spec.classes is None else torch.arange(size) % spec.classes,
        )
        for seed, size in enumerate(SIZES)
    ]
    return Dataset(spec, *parts)


def examples(spec: DataSpec, count: int, seed: int) -> Tensor:
    """(count, *event_shape) in the working dtype."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, *spec.event_shape)
    if spec.levels is None:
        return torch.randn(shape, generator=generator)
    if spec.modality == "pianoroll":
        return (torch.rand(shape, generator=generator) < 0.04).to(working_dtype(spec))
    return torch.randint(spec.levels, shape, generator=generator).to(working_dtype(spec))


def make_result(
    model: str,
    family: str,
    dataset: DatasetCard,
    seed: int,
    quality: float,
    *,
    failure: str | None = None,
    kind: str = "exact",
) -> Result:
    """kind: of the likelihoods."""
    job = Job(
        model=model,
        family=family,  # type: ignore[arg-type]
        model_version="0.1.0+abcd",
        variant=model,
        hyperparameters={"width": 32},
        dataset=dataset.name,
        dataset_version=dataset_version(dataset),
        budget="10s",
        sampling_seconds=20.0,
        samples=SAMPLES,
        importance_samples=100,
        seed=seed,
        device="cpu",
        threads=1,
    )
    provenance = {
        "cpu": "Some CPU",
        "cores": 2,
        "gpu": None,
        "python": "3.11.8",
        "time": "2026-01-02T03:04:05",
    }
    if failure is not None:
        return Result(id=job.id, status="killed", job=job, reason=failure, provenance=provenance)
    shift = 1 + 0.01 * seed
    figures = [
        MetricValue(
            name=each.name,
            value=quality * shift,
            unit=each.unit,
            better=each.better,
            kind=kind if each.group == "likelihood" else None,
            n=SAMPLES,
        )
        for each in METRIC_CARDS
        if dataset.spec.modality in each.modalities and not each.requires_truth
    ]
    curve = [
        CurvePoint(
            fraction=fraction,
            seconds=10 * fraction,
            steps=int(1000 * fraction),
            examples=int(64000 * fraction),
            flops=1e9 * fraction,
            metrics=[each for each in figures if each.name in ("frechet_distance", "bits_per_dim")],
        )
        for fraction in (0.1, 0.25, 0.5, 0.75, 1.0)
    ]
    cost = Cost(
        train_seconds=10.0,
        bound_by="seconds",
        steps=1000,
        flops=1e9,
        parameters=int(1000 * quality * (1 + len(model))),
        samples_per_second=1000 / quality,
        sample_latency_seconds=1e-3 * quality,
        train_peak_rss_bytes=2**20 * (1 + len(model)),
        sample_peak_rss_bytes=2**18,
    )
    return Result(
        id=job.id, status="ok", job=job, metrics=figures, curve=curve, cost=cost, provenance=provenance
    )


def _quality(model: str, place: int) -> float:
    """The value of every metric: real data are nearest to themselves, and models get worse from one to the next."""
    return 0.5 if model == "held-out" else 1.0 + place


def write_run(
    folder: Path,
    cards: Sequence[DatasetCard],
    models: Mapping[str, str],
    *,
    seeds: int = 3,
    failures: Mapping[str, str] | None = None,
    samples: bool = True,
    kinds: Mapping[str, str] | None = None,
) -> Run:
    """models: families by name. kinds: of the likelihoods of a model, by its name; others are exact. failures: the
    reason why all seeds of a model fail, by its name. samples: of the first seed of every model that does not, and what
    is kept beside them."""
    failures = failures or {}
    results = [
        make_result(
            model,
            family,
            each,
            seed,
            _quality(model, place),
            failure=failures.get(model),
            kind=(kinds or {}).get(model, "exact"),
        )
        for each in cards
        for place, (model, family) in enumerate(models.items())
        for seed in range(seeds)
    ]
    plan = Plan(
        suite="synthetic",
        jobs=[result.job for result in results],
        command=["genai-bench", "run", "--all"],
        datasets={each.name: each for each in cards},
    )
    run = Run.create(folder, plan)
    if samples:
        for each in cards:
            load_dataset(
                each
            )  # as a run prepares what it reads; a report builds nothing that no plugin announces
    specs = {each.name: each.spec for each in cards}
    for number, result in enumerate(results):
        run.store(result)
        if result.status != "ok":
            run.log_path(result.job).write_text(
                "Traceback (most recent call last):\n  the last <b>line</b>\n"
            )
        elif samples and result.job.seed == 0:
            spec = specs[result.job.dataset]
            save_samples(run.samples_path(result.job), examples(spec, SAMPLES, 100 + number), spec)
            if spec.modality == "image" and result.job.family != "baseline":
                keep_beside(run.job_folder(result.job), spec, result.job, 100 + number)
    return run


def keep_beside(folder: Path, spec: DataSpec, job: Job, seed: int) -> None:
    """Completions, of autoregressive models those in order alone; samples of given classes; what encoders and
    autoregressive models are like inside."""
    is_ordered = job.family == "autoregressive"
    completed: Completions = {}
    for place, name in enumerate(MASK_NAMES):
        if is_ordered and name != "lower_half":
            completed[name] = Completion(reason=f"cannot <b>{name}</b>")
        else:
            completed[name] = Completion(examples(spec, COMPLETED, 1000 * (place + 1) + seed))
    completions_file = as_tensor_file(completed, spec)
    write_tensors(completions_file.tensors, folder / COMPLETIONS_FILE, completions_file.texts)
    if job.family in TAKE_LABELS:
        drawn = examples(spec, CLASSES * CLASS_SAMPLES, 4000 + seed).unflatten(0, (CLASSES, CLASS_SAMPLES))
        file = class_samples.as_tensor_file(ClassSamples(drawn, drawn, drawn), spec)
        write_tensors(file.tensors, folder / CLASS_SAMPLES_FILE)
    tensors: dict[str, Tensor] = {}
    if job.family in ENCODERS:
        grids = {"traversals": (6, 7), "interpolations": (4, 8)}
        tensors = {
            name: examples(spec, rows * columns, seed).float().unflatten(0, (rows, columns))
            for name, (rows, columns) in grids.items()
        }
    elif is_ordered:
        tensors = {"entropy": torch.full((8, *spec.event_shape), 0.5)}
    if tensors:
        tensors["examples"] = examples(spec, 8, seed).to(storage_dtype(spec))
        write_tensors(tensors, folder / LATENT_TRAVERSALS_FILE)
