"""Planning: from what the user asked for to a list of jobs. Nothing is run here."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from genbench.api.budget import Budget
from genbench.api.cards import DatasetCard, ExtractorCard, Hyperparameter, ModelCard
from genbench.datasets.versions import dataset_version
from genbench.errors import UnknownNameError, UsageError
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan
from genbench.runner.ranking_choice import with_ranking
from genbench.runner.suite import Suite
from genbench.util.redaction import redacted
from genbench.util.source_hash import source_hash

_SECONDS_BESIDES_TRAINING = 8.0
"""What a job takes besides its training, for the estimate that is shown before a run."""
_BASELINE_SECONDS = 3.0
"""What a job of a baseline takes; baselines rarely use their whole budget."""


@dataclass(frozen=True)
class Variant:
    """A model with hyperparameters."""

    card: ModelCard
    """The model."""
    hyperparameters: dict[str, Hyperparameter]
    """All of them, defaults included."""
    label: str
    """The name of the row in reports: the model and the hyperparameters that the user set."""


@dataclass(frozen=True)
class Request:
    """What is to be planned: a suite, and what the user wants to have otherwise."""

    suite: Suite
    """Gives what the user left open."""
    models: Sequence[str] = ()
    """Models with or without settings, as in "vae:beta=4"; empty for those of the suite."""
    datasets: Sequence[str] = ()
    """Data sets; empty for those of the suite."""
    budget: Budget | None = None
    """The training budget; None for that of the suite."""
    seeds: int | None = None
    """The number of seeds; None for that of the suite."""
    device: str = "cpu"
    """Where models run: "cpu" or "cuda"."""
    threads: int = 1
    """Threads per worker."""
    extractor: str | None = None
    """The feature extractor; None for that of each data set."""
    gpus: int | None = None
    """How many GPUs a job sees, if more than one."""


def make_plan(request: Request, registry: Registry, command: Sequence[str]) -> Plan:
    """Every model on every data set with every seed.

    A model that cannot take a data set gets a result `unsupported`. If that leaves nothing to run of what the user
    asked for by name, it is a UsageError. Raises UnknownNameError and UsageError for other mistakes in the request.
    """
    suite = request.suite
    budget = suite.budget.on_device(request.device) if request.budget is None else request.budget
    seeds = suite.seeds if request.seeds is None else request.seeds
    if seeds < 1:
        raise UsageError(f"--seeds {seeds}: expected 1 or more")
    variants = _choose_models(request, registry)
    datasets = [
        with_ranking(dataset, suite, registry, _scored_samples(suite, dataset))
        for dataset in _choose_datasets(request, registry)
    ]
    jobs: list[Job] = []
    refused: list[Result] = []
    extractors = {dataset.name: _choose_extractor(request, registry, dataset) for dataset in datasets}
    cards = {variant.card.name: variant.card for variant in variants}
    # sources are hashed once each, and not once for each job
    versions = {
        name: f"{registry.origin(card).version}+{source_hash(card.factory)}" for name, card in cards.items()
    }
    for dataset in datasets:
        of_data = dataset_version(dataset)
        for variant in variants:
            refusal = variant.card.refusal(dataset.spec)
            job = _job(
                request, variant, versions[variant.card.name], dataset, of_data, extractors[dataset.name]
            )
            for seed in range(seeds):
                job = msgspec.structs.replace(job, budget=str(budget), seed=seed)
                if refusal is None:
                    jobs.append(job)
                elif seed == 0:
                    refused.append(Result(id=job.id, status="unsupported", reason=refusal, job=job))
    if not jobs and request.models and request.datasets:
        raise UsageError("; ".join(result.reason or "" for result in refused))
    return Plan(
        suite=suite.name,
        jobs=jobs,
        refused=refused,
        # JSON has no place for the bytes of a path that is not UTF-8
        command=[redacted(word).encode("utf-8", "backslashreplace").decode() for word in command],
        datasets={card.name: card for card in datasets},
        tuned=list(suite.tuned),
    )


def estimate_seconds(jobs: Sequence[Job], workers: int) -> float | None:
    """About how long the jobs take together; None if a budget does not limit seconds."""
    total = 0.0
    for job in jobs:
        seconds = job.training_budget.expected_seconds
        if job.family == "baseline":
            total += _BASELINE_SECONDS
        elif seconds is None:
            return None
        else:
            total += seconds + _SECONDS_BESIDES_TRAINING
    return total / workers


def folder_name(plan: Plan, *, whole_suite: bool) -> str:
    """The default name of the run's folder; equal commands get equal names."""
    if whole_suite:
        return plan.suite
    selection = sorted(
        {
            # what came later counts where it is set, so that names stay what they were
            (
                j.variant,
                j.dataset,
                j.budget,
                j.device,
                j.seed,
                j.threads,
                j.extractor,
                *([j.gpus] if j.gpus else ()),
            )
            for j in plan.jobs
        }
    )
    return f"{plan.suite}-{hashlib.sha256(repr(selection).encode()).hexdigest()[:8]}"


def parse_variant(text: str, registry: Registry) -> Variant:
    """Read "vae" or "vae:latent_dim=32,beta=4". Raises UnknownNameError, UsageError."""
    name, _, settings = text.partition(":")
    card = registry.model(name)
    chosen: dict[str, Hyperparameter] = {}
    for setting in filter(None, settings.split(",")):
        key, equals, value = (part.strip() for part in setting.partition("="))
        if key not in card.hyperparameters:
            raise UnknownNameError(f"hyperparameter of {name}", key, card.hyperparameters)
        if not equals or not value:
            raise UsageError(f"{text!r}: {setting!r} needs a value, as in {key}={card.hyperparameters[key]}")
        chosen[key] = _read_value(value, card.hyperparameters[key], f"{name}:{key}")
    label = name if not chosen else f"{name}:" + ",".join(f"{k}={v}" for k, v in sorted(chosen.items()))
    return Variant(card, {**card.hyperparameters, **chosen}, label)


def _read_value(text: str, default: Hyperparameter, where: str) -> Hyperparameter:
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text.capitalize() if text.lower() in ("true", "false", "none") else text)
    except (ValueError, SyntaxError):
        value = text
    if type(value) is int and abs(value) >= 2**63:  # records hold no other integers
        raise UsageError(f"{where}={text[:20]}...: an integer beyond 64 bits")
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if default is None and isinstance(value, bool | int | float | str | None):
        return value
    if type(value) is not type(default):
        raise UsageError(
            f"{where}={text}: expected {_article(type(default).__name__)}, as the default {default}"
        )
    return value


def _article(kind: str) -> str:
    return {"int": "an integer", "float": "a number", "bool": "true or false"}.get(kind, kind)


def _choose_models(request: Request, registry: Registry) -> list[Variant]:
    wanted = request.models or request.suite.models
    chosen: dict[str, Variant] = {}
    for text in wanted:
        if text == "*":
            names = list(registry.models)
        elif text.startswith("family:"):
            family = text.removeprefix("family:")
            names = [card.name for card in registry.models.values() if card.family == family]
            if not names:
                raise UnknownNameError("family", family, {c.family for c in registry.models.values()})
        else:
            names = [text]
        for name in names:
            variant = parse_variant(name, registry)
            chosen[variant.label] = variant
    if not request.models:
        # `without` may name models of plugins that are not installed
        chosen = {
            label: each for label, each in chosen.items() if each.card.name not in request.suite.without
        }
    return list(chosen.values())


def _choose_datasets(request: Request, registry: Registry) -> list[DatasetCard]:
    wanted = request.datasets or request.suite.datasets
    chosen: dict[str, DatasetCard] = {}
    for name in wanted:
        if name == "*":
            cards = list(registry.datasets.values())
        elif name == "embedded":
            cards = [card for card in registry.datasets.values() if card.embedded]
        else:
            cards = [registry.dataset(name)]
        chosen.update((card.name, card) for card in cards)
    return list(chosen.values())


def _choose_extractor(request: Request, registry: Registry, dataset: DatasetCard) -> ExtractorCard:
    """The extractor that was asked for, or that of the data set.

    Raises UsageError if it cannot take the data or cannot be used on this machine, before anything is trained.
    """
    if request.extractor is None:
        card = registry.default_extractor(dataset.spec)
    else:
        card = registry.extractor(request.extractor)
        if (refusal := card.refusal(dataset.spec)) is not None:
            raise UsageError(refusal)
    if (obstacle := card.obstacle()) is not None:
        raise UsageError(obstacle)
    return card


def _scored_samples(suite: Suite, dataset: DatasetCard) -> int:
    _, valid, test = dataset.sizes
    return min(suite.samples, valid, test)


def _job(
    request: Request,
    variant: Variant,
    model_version: str,
    dataset: DatasetCard,
    version: str,
    extractor: ExtractorCard,
) -> Job:
    """The job of the first seed, without its budget."""
    rule = dataset.ranking_rule
    return Job(
        model=variant.card.name,
        family=variant.card.family,
        model_version=model_version,
        variant=variant.label,
        hyperparameters=variant.hyperparameters,
        dataset=dataset.name,
        dataset_version=version,
        budget="",
        sampling_seconds=request.suite.sampling_seconds,
        samples=_scored_samples(request.suite, dataset),
        importance_samples=request.suite.importance_samples,
        seed=0,
        device=request.device,
        threads=request.threads,
        extractor=extractor.label,
        ais_examples=request.suite.ais_examples,
        ais_chains=request.suite.ais_chains,
        ais_steps=request.suite.ais_steps,
        ranking=rule.metric,
        ranking_samples=rule.samples,
        gpus=request.gpus,
    )
