"""`genai-bench score --samples PATH --data NAME`: scores samples that somebody else has drawn."""

from __future__ import annotations

import contextlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genbench.api.cards import DatasetCard
from genbench.api.exit_codes import ExitCode
from genbench.cli.download_bars import fetch_all
from genbench.cli.run import RunOptions, execute
from genbench.cli.score import report_unscored
from genbench.datasets.prepared import load_data
from genbench.errors import DataError, UsageError
from genbench.execution.threads import set_threads
from genbench.features.loading import load_extractor
from genbench.metrics.frechet import (
    GaussianStatistics,
    frechet_distance_from_statistics,
    gaussian_statistics,
)
from genbench.metrics.scoring import reference_split
from genbench.plugin.registry import Registry
from genbench.records.job import Job
from genbench.records.result import MetricValue, Result
from genbench.records.run_folder import Run
from genbench.runner import brought as bringing
from genbench.runner.planning import Request, make_plan
from genbench.runner.provenance import collect_provenance
from genbench.runner.rescoring import out_of_date
from genbench.runner.run_benchmark import Execution
from genbench.runner.suite import load_suite
from genbench.samples.brought import Brought, GaussianFile, gaussian_file, read_brought
from genbench.util.terminal import SafeConsole
from genbench.util.usable_cores import usable_cores

_SUITE = "quick"
MAX_SAMPLES = 10_000
"""How many samples a new run scores at most: the test split rarely has more to compare with."""
_ARROWS = {"lower": "↓", "higher": "↑"}
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class BroughtOptions:
    """The command line of `score --samples`."""

    data: str
    """The data set, by its name or as "csv:PATH"."""
    into: Path | None = None
    """The run that gets the row; None for a new one, with baselines."""
    name: str | None = None
    """Name of the row; None: from the file."""
    out: Path | None = None
    """Folder of a new run; None: in `runs/`, by the name and the checksum."""
    extractor: str | None = None
    """Feature extractor of a new run; None for that of the data set."""
    workers: int | None = None
    """How many baselines run at once; None for one per usable core."""
    executor: str = "local"
    """The executor, as its card names it."""
    as_json: bool = False
    """Print the record as JSON."""


@dataclass(frozen=True)
class Scored:
    """Brought samples, scored."""

    run: Run
    """The run that has them."""
    result: Result
    """Their record."""
    code: ExitCode
    """How the baselines of a new run have ended."""


def score_samples_command(samples: str, options: BroughtOptions, registry: Registry, console: Console) -> int:
    """Score samples and return the exit code. Raises UsageError, DataError."""
    card = registry.dataset(options.data)
    statistics = gaussian_file(Path(samples).expanduser())
    if statistics is not None:
        _fetch(card, console)
        _show_frechet(statistics, samples, card, options, registry, console)
        return ExitCode.OK
    brought = read_brought(samples, card, registry.dataset_sources)
    # stdout has the record alone, whatever reports print
    apart = contextlib.redirect_stdout(sys.stderr) if options.as_json else contextlib.nullcontext()
    with apart:
        scored = score_brought(brought, card, options, registry, console)
    if options.as_json:
        print(msgspec.json.format(msgspec.json.encode(scored.result), indent=1).decode())
        return scored.code
    show_beside(scored, registry, console)
    return scored.code


def score_brought(
    brought: Brought, card: DatasetCard, options: BroughtOptions, registry: Registry, console: Console
) -> Scored:
    """Add the samples to a run, or make one with real held-out data, a copier, marginals and noise beside them. Raises
    UsageError, DataError."""
    name = options.name or _name_of(brought)
    console = SafeConsole(quiet=True) if options.as_json else console
    _fetch(card, console)
    if options.into is not None:
        return _into(options.into, name, brought, card, options, registry, console)
    bringing.check_name(name, registry)
    card = _rankable(card, len(brought.x))
    registry = registry.extended(datasets=[card])
    cores = usable_cores()
    workers = options.workers or cores
    suite = msgspec.structs.replace(load_suite(_SUITE), samples=min(len(brought.x), MAX_SAMPLES))
    baselines = tuple(each for each in bringing.BESIDE if each in registry.models)
    request = Request(
        suite=suite,
        models=baselines,
        datasets=(card.name,),
        threads=max(1, cores // workers),
        extractor=options.extractor,
    )
    template = make_plan(request, registry, ()).jobs[0]
    job = bringing.brought_job(name, brought, template)
    folder = options.out or Path("runs") / f"brought-{name}-{brought.checksum[:8]}"
    run = Run.create(folder, bringing.plan_with(job, card, suite.name))
    result = _bring(run, brought, job, card, options, registry, console)
    ended = execute(
        RunOptions(
            models=baselines,
            datasets=(card.name,),
            suite=_SUITE,
            budget=None,
            seeds=1,
            workers=options.workers,
            threads=None,
            executor=options.executor,
            device="cpu",
            extractor=options.extractor,
            out=folder,
            dry_run=False,
            shard=None,
            retry_failed=False,
            probe=False,
            samples=suite.samples,
        ),
        registry,
        console,
    )
    return Scored(ended.run or run, result, ended.code)


def _into(
    folder: Path,
    name: str,
    brought: Brought,
    card: DatasetCard,
    options: BroughtOptions,
    registry: Registry,
    console: Console,
) -> Scored:
    run = Run.open(folder)
    run.refuse_links()
    bringing.check_name(name, registry, run)
    like = bringing.setting_of(run, card.name)
    if options.extractor is not None and options.extractor != (like.extractor or "").partition(":")[0]:
        raise UsageError(f"the rows of {folder} are scored with {like.extractor}; leave out --extractor")
    job = bringing.brought_job(name, brought, like)
    others = [each for each in run.plan.jobs if each.variant == name and each.dataset == job.dataset]
    if any(each.id != job.id for each in others):
        console.print(
            f"{escape(name)} was brought before, with other contents: its row is replaced", soft_wrap=True
        )
    run = Run.create(folder, bringing.plan_with(job, card, run.plan.suite, run))
    result = _bring(run, brought, job, card, options, registry, console)
    registry.tell("genbench_run_finished", run=run, registry=registry)
    if stale := out_of_date(run, [each for each in run.plan.jobs if each.dataset == card.name], registry):
        console.print(
            f"[yellow]{len(stale)} rows on {escape(card.name)} have values of other versions of the metrics[/yellow],"
            f" which are not ranked with new ones: genai-bench score {escape(str(folder))} computes them again",
            soft_wrap=True,
        )
    return Scored(run, result, ExitCode.OK)


def _bring(
    run: Run,
    brought: Brought,
    job: Job,
    card: DatasetCard,
    options: BroughtOptions,
    registry: Registry,
    console: Console,
) -> Result:
    return bringing.bring(
        run,
        brought,
        job,
        card,
        registry,
        Execution(options.executor, options.workers or 1),
        collect_provenance(job.threads),
        on_problem=lambda job, line: report_unscored(console, job, line),
    )


def _fetch(card: DatasetCard, console: Console) -> None:
    failures = fetch_all([card], console)
    for why in failures.values():
        raise DataError(f"{card.name} cannot be had: {why}")


def _rankable(card: DatasetCard, count: int) -> DatasetCard:
    """The card, ranked from as many samples as there are, where it would take more."""
    rule = card.ranking_rule
    if (rule.samples or 0) <= count:
        return card
    return msgspec.structs.replace(card, ranking=msgspec.structs.replace(rule, samples=count))


def _name_of(brought: Brought) -> str:
    stem = "samples" if brought.file is None else Path(brought.file).stem
    return _NOT_A_NAME.sub("-", stem).strip("-") or "samples"


def show_beside(scored: Scored, registry: Registry, console: Console) -> None:
    """Each metric of the samples with its error, N and extractor, and the values of real data and baselines."""
    job = scored.result.job
    others: dict[str, Result] = {}
    for result in scored.run.results():
        if result.status == "ok" and result.job.model in bringing.BESIDE and _shares_a_board(result.job, job):
            others.setdefault(result.job.model, result)
    beside = [name for name in bringing.BESIDE if name in others]
    table = Table(box=None, pad_edge=False, header_style="bold")
    shown = [value for value in scored.result.metrics if value.value is not None]
    extractors = list(dict.fromkeys(value.extractor for value in shown if value.extractor))
    counts = {value.n for value in shown}
    titles = ["metric", "value", *([] if len(counts) == 1 else ["N"]), *beside]
    for title in titles:
        table.add_column(title, justify="left" if title == "metric" else "right", overflow="fold")
    for value in shown:
        cells = [others[name].metric(value.name) for name in beside]
        table.add_row(
            f"{escape(value.name)} {_ARROWS.get(value.better, '')}{'*' * bool(value.extractor)}".rstrip(),
            _with_error(value),
            *([] if len(counts) == 1 else ["" if value.n is None else f"{value.n:,}"]),
            *("" if cell is None or cell.value is None else f"{cell.value:.3g}" for cell in cells),
        )
    facts = bringing.facts_of(scored.result)
    given = "" if facts is None else f", N = {facts.scored:,} of {facts.given:,} samples"
    console.print(
        f"\n[bold]{escape(job.variant)}[/bold] on {escape(job.dataset)}{given}, brought along: no training cost, no"
        " likelihood",
        soft_wrap=True,
    )
    console.print(table, soft_wrap=True)
    if extractors:
        console.print(f"[dim]* of features: {escape(', '.join(extractors))}[/dim]", soft_wrap=True)
    missing = [value for value in scored.result.metrics if value.value is None and value.note]
    for value in missing:
        console.print(f"[dim]{escape(value.name)}: {escape(value.note or '')}[/dim]", soft_wrap=True)


def _shares_a_board(one: Job, other: Job) -> bool:
    return (one.dataset, one.dataset_version, one.samples) == (
        other.dataset,
        other.dataset_version,
        other.samples,
    )


def _with_error(value: MetricValue) -> str:
    error = "" if value.stderr is None else f" ± {value.stderr:.1g}"
    return f"{value.value:.3g}{error}"


def _show_frechet(
    found: GaussianFile,
    file: str,
    card: DatasetCard,
    options: BroughtOptions,
    registry: Registry,
    console: Console,
) -> None:
    """The Fréchet distance of somebody's statistics from real data. Raises UsageError where the features are others."""
    if options.into is not None:
        raise UsageError(
            f"{file} holds mu and sigma of features, not samples: they make a Fréchet distance and no row; leave out"
            " --into"
        )
    value = frechet_of_statistics(found, card, options.extractor, registry)
    if options.as_json:
        print(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
        return
    console.print(
        f"{value.name} {value.value:.4g}, extractor {escape(value.extractor or '')}, {value.n:,} real test examples;"
        f" {escape(value.note or '')}",
        soft_wrap=True,
    )


def frechet_of_statistics(
    found: GaussianFile, card: DatasetCard, extractor: str | None, registry: Registry
) -> MetricValue:
    """The metric `frechet_distance` from a mean and a covariance of the features of samples. Raises UsageError where
    the extractor's features have another width."""
    chosen = registry.default_extractor(card.spec) if extractor is None else registry.extractor(extractor)
    if (why := chosen.refusal(card.spec) or chosen.obstacle()) is not None:
        raise UsageError(why)
    request = Request(
        suite=msgspec.structs.replace(load_suite(_SUITE), samples=MAX_SAMPLES),
        models=tuple(name for name in bringing.BESIDE[:1] if name in registry.models) or ("*",),
        datasets=(card.name,),
        extractor=chosen.name,
    )
    job = make_plan(request, registry, ()).jobs[0]
    set_threads(usable_cores())
    dataset = load_data(card)
    features = load_extractor(chosen, dataset)
    reference = reference_split(dataset, job)
    real = features(reference.tensor())
    if real.shape[1] != len(found.mean):
        raise UsageError(
            f"mu has {len(found.mean)} numbers, but the features of {features.identity} have {real.shape[1]}: name the"
            " extractor that the statistics were computed with by --extractor"
        )
    theirs = GaussianStatistics(torch.from_numpy(found.mean), torch.from_numpy(found.covariance))
    value = float(frechet_distance_from_statistics(theirs, gaussian_statistics(real)))
    return MetricValue(
        name="frechet_distance",
        value=value,
        unit="squared distance",
        better="lower",
        n=len(real),
        dimension=real.shape[1],
        extractor=features.identity,
        note="from statistics of others: how many samples they are of, and whether by this extractor, is not known, so"
        " that the value has no error and no rank",
    )
