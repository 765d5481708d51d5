"""The command `tune`: searches for hyperparameters on the validation split, then runs the winners beside the
defaults."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

from genbench.api.budget import Budget
from genbench.api.cards import DatasetCard, Hyperparameter
from genbench.api.exit_codes import ExitCode
from genbench.cli.download_bars import fetch_all
from genbench.cli.live_view import LiveView
from genbench.cli.run import RunOptions, choose_device, execute
from genbench.cli.tune_summary import announce, describe, so_far
from genbench.errors import DataError, UsageError
from genbench.execution.limits import memory_per_worker
from genbench.plugin.registry import Registry
from genbench.plugin.unannounced_models import with_unannounced
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Plan, Run
from genbench.records.tuned import tuned_of
from genbench.runner.again import to_run_again
from genbench.runner.planning import Request, Variant, make_plan, parse_variant
from genbench.runner.provenance import collect_provenance
from genbench.runner.run_benchmark import Execution, run_benchmark
from genbench.runner.suite import Suite, load_suite
from genbench.tuning.proposals import Sampler, check_installed
from genbench.tuning.settings import StudySettings, check_numbers, open_study
from genbench.tuning.spaces import Space, space_of
from genbench.tuning.study import Study, search
from genbench.tuning.winners import Winner, suite_toml, winner_of
from genbench.util.atomic_files import write_atomically
from genbench.util.usable_cores import usable_cores

TRIALS_FOLDER, EVALUATION_FOLDER = "trials", "evaluation"


@dataclass(frozen=True)
class TuneOptions:
    """The command line of `tune`. None: the user did not choose."""

    models: tuple[str, ...]
    """Models, with the settings that stay fixed."""
    datasets: tuple[str, ...]
    """Data sets; each model is searched on each by itself."""
    trials: int
    """How many settings each study tries."""
    budget: Budget | None
    """The training budget of a trial that goes through all rungs; None for that of the suite."""
    sampler: Sampler
    """How settings are drawn."""
    studies: int
    """How many independent searches each model gets on each data set."""
    seeds: int
    """With how many seeds winners and defaults are evaluated."""
    rungs: int
    """How many shares of the budget there are."""
    reduction: int
    """One of so many trials goes on from a rung to the next."""
    at_once: int
    """How many trials of a study are decided on at a time."""
    suite: str
    """The suite that gives what else a job needs."""
    workers: int | None
    """How many jobs run at once; None for one per usable core, and for one on a GPU."""
    threads: int | None
    """Threads per worker; None for 1, on a GPU for an equal part of the usable cores."""
    executor: str
    """The executor, as its card names it."""
    device: str
    """Where models run: "auto", "cpu" or "cuda"."""
    extractor: str | None
    """The feature extractor; None for that of each data set."""
    out: Path | None
    """The folder of the study; None for one in `runs/` that is named after the settings."""
    retry_failed: bool
    """Train trials again that failed."""


@dataclass(frozen=True)
class Subject:
    """A model that is searched."""

    text: str
    """How the user named it, without settings."""
    fixed: tuple[str, ...]
    """The settings that stay fixed: "beta=4"."""
    name: str
    """Its name in the registry."""
    space: Space
    """What is searched."""

    @property
    def default(self) -> str:
        """The model with its fixed settings alone, as a command line names it."""
        return self.text if not self.fixed else f"{self.text}:{','.join(self.fixed)}"

    def variant(self, settings: Mapping[str, Hyperparameter], registry: Registry) -> Variant:
        """The model with settings of a trial."""
        chosen = [*self.fixed, *(f"{name}={value}" for name, value in settings.items())]
        return parse_variant(f"{self.name}:{','.join(chosen)}", registry)


def tune_command(options: TuneOptions, registry: Registry, console: Console) -> int:
    """Search, evaluate, and return the exit code. Raises UsageError."""
    check_installed()
    for problem in registry.problems():
        console.print(f"[yellow]left out:[/yellow] {escape(problem)}", soft_wrap=True)
    device = choose_device(options.device)
    workers = options.workers or (1 if device == "cuda" else usable_cores())
    threads = options.threads or (1 if device == "cpu" else max(1, usable_cores() // workers))
    suite = load_suite(options.suite, registry.suites)
    budget = options.budget or suite.budget.on_device(device)
    models = list(dict.fromkeys(options.models))
    named, registry = with_unannounced(models, registry)
    subjects = [_subject(text, name, registry) for text, name in zip(models, named, strict=True)]
    settings = StudySettings(
        models=models,
        datasets=list(dict.fromkeys(options.datasets)),
        spaces={subject.default: dict(subject.space.ranges) for subject in subjects},
        suite=options.suite,
        budget=str(budget),
        sampler=options.sampler,
        rungs=options.rungs,
        reduction=options.reduction,
        at_once=options.at_once,
        studies=options.studies,
        device=device,
        threads=threads,
        extractor=options.extractor,
    )
    check_numbers(settings, options.trials)
    registry.executor(options.executor)
    for subject in subjects:
        if subject.space.note is not None:
            console.print(escape(subject.space.note), soft_wrap=True)
    folder = options.out or Path("runs") / f"tune-{_hash(settings)}"
    tuning = Tuning(options, settings, suite, subjects, folder, workers, registry, console)
    return tuning.run()


class Tuning:
    """A search for several models on several data sets, its folder, and what comes after it."""

    def __init__(
        self,
        options: TuneOptions,
        settings: StudySettings,
        suite: Suite,
        subjects: Sequence[Subject],
        folder: Path,
        workers: int,
        registry: Registry,
        console: Console,
    ) -> None:
        self.options, self.settings, self.suite, self.subjects = options, settings, suite, subjects
        self.folder, self.workers, self.registry, self.console = folder, workers, registry, console
        self.datasets: dict[str, DatasetCard] = {}
        self.provenance = collect_provenance(settings.threads)

    def run(self) -> int:
        """Search, evaluate, and return the exit code."""
        by_pair = {
            (dataset, subject.default): self._studies(subject, dataset)
            for dataset in self.settings.datasets
            for subject in self.subjects
        }
        if failures := fetch_all(self.datasets.values(), self.console):
            raise DataError("; ".join(f"{name} is missing: {why}" for name, why in failures.items()))
        open_study(self.folder, self.settings)
        studies = [study for each in by_pair.values() for study in each]
        say = self.console.print
        for line in announce(self.settings, self.options.trials, len(by_pair), self.workers, self.folder):
            say(escape(line), soft_wrap=True)
        try:
            search(
                studies, self._run_jobs, lambda: say(f"[dim]{escape(so_far(studies))}[/dim]", soft_wrap=True)
            )
        except KeyboardInterrupt:
            say("\nwhat was trained is stored; repeat the command to go on with the search")
            raise
        code = ExitCode.OK
        for dataset in self.settings.datasets:
            winners: list[tuple[Subject, Winner]] = []
            for subject in self.subjects:
                try:
                    found = winner_of(by_pair[dataset, subject.default], self.options.trials)
                except UsageError as error:
                    say(
                        f"[red]{escape(str(error))}[/red]; logs in {escape(str(self.trials_folder))}/jobs",
                        soft_wrap=True,
                    )
                    code = ExitCode.JOB_FAILED
                else:
                    winners.append((subject, found))
            if winners:
                code = max(code, self._evaluate(dataset, winners))
        return code

    @property
    def trials_folder(self) -> Path:
        """The run folder of all trials."""
        return self.folder / TRIALS_FOLDER

    def _studies(self, subject: Subject, dataset: str) -> list[Study]:
        """The studies of one model on one data set. Raises UsageError where the model cannot take the data."""
        request = Request(
            suite=self.suite,
            models=(":".join(filter(None, (subject.name, ",".join(subject.fixed)))),),
            datasets=(dataset,),
            budget=Budget.parse(self.settings.budget),
            seeds=1,
            device=self.settings.device,
            threads=self.settings.threads,
            extractor=self.settings.extractor,
        )
        plan = make_plan(request, self.registry, [])
        self.datasets.update(plan.datasets)
        base = plan.jobs[0]
        return [
            Study(
                self.settings,
                self.options.trials,
                number,
                base,
                subject.space.ranges,
                self.registry.metrics[str(base.ranking)].better,
                lambda settings: subject.variant(settings, self.registry),
            )
            for number in range(self.settings.studies)
        ]

    def _run_jobs(self, jobs: Sequence[Job]) -> dict[str, Result]:
        """The results of the jobs; those without one are run."""
        plan = Plan(
            suite=f"{self.suite.name}, trials of a search",
            jobs=list(jobs),
            command=["genai-bench", *sys.argv[1:]],
            datasets=self.datasets,
            provenance=self.provenance,
        )
        run = Run.create(self.trials_folder, plan)
        again = to_run_again(
            run, jobs, memory_per_worker(self.workers), every_failure=self.options.retry_failed
        )
        pending = [job for job in jobs if job.id in again or run.result(job) is None]
        if pending:
            with LiveView(self.console, pending, self.workers, ()) as view:
                run_benchmark(
                    run,
                    pending,
                    self.registry,
                    Execution(self.options.executor, self.workers),
                    self.provenance | {"workers": self.workers},
                    view,
                    again=again,
                    is_whole=False,
                )
        found = {job.id: run.result(job) for job in jobs}
        return {name: result for name, result in found.items() if result is not None}

    def _evaluate(self, dataset: str, winners: Sequence[tuple[Subject, Winner]]) -> ExitCode:
        """Write the suite of the winners and run it; its seeds are others than those of the search."""
        card = self.datasets[dataset]
        path = self.folder / f"winners-{re.sub('[^A-Za-z0-9_]+', '-', dataset)[:60]}.toml"
        models = [
            text
            for subject, winner in winners
            for text in (subject.default, f"{subject.text}:{winner.tuned.variant.partition(':')[2]}")
        ]
        suite = msgspec.structs.replace(
            self.suite,
            summary=f"the winners of a search on {dataset}, beside the defaults",
            budget=Budget.parse(self.settings.budget),
            seeds=self.options.seeds,
            models=tuple(dict.fromkeys([*self._baselines(card), *models])),
            without=(),
            datasets=(dataset,),
            ranking={name: metric for name, metric in self.suite.ranking.items() if name == dataset},
            tuned=tuple(winner.tuned for _, winner in winners),
        )
        comment = ("Written by `genai-bench tune`; the tables at the end say how the settings were found.",)
        write_atomically(path, suite_toml(suite, comment).encode())
        evaluation = self.folder / EVALUATION_FOLDER
        _carry(evaluation, suite)
        ended = execute(self._evaluation_options(path, evaluation), self.registry, self.console)
        for subject, winner in winners:
            for line in describe(winner.tuned, subject.variant({}, self.registry).label, ended.run):
                self.console.print(escape(line), soft_wrap=True)
        self.console.print(
            f"run the winners again: genai-bench run --suite {escape(str(path))}", soft_wrap=True
        )
        return ended.code

    def _baselines(self, card: DatasetCard) -> list[str]:
        """What a leaderboard of the data set needs to rank: real data, its zero, and its yardsticks."""
        rule = card.ranking_rule
        known = (self.registry.models.get(name) for name in (rule.floor, rule.zero, *rule.yardsticks))
        return [each.name for each in known if each is not None and each.refusal(card.spec) is None]

    def _evaluation_options(self, suite: Path, out: Path) -> RunOptions:
        return RunOptions(
            models=(),
            datasets=(),
            suite=str(suite),
            budget=None,
            seeds=None,
            workers=self.workers,
            threads=self.settings.threads,
            executor=self.options.executor,
            device=self.settings.device,
            extractor=self.settings.extractor,
            out=out,
            dry_run=False,
            shard=None,
            retry_failed=self.options.retry_failed,
            probe=False,
        )


def _subject(text: str, named: str, registry: Registry) -> Subject:
    name, _, settings = named.partition(":")
    parse_variant(named, registry)  # raises where the settings are none
    fixed = tuple(setting.strip() for setting in settings.split(",") if setting.strip())
    names = [setting.partition("=")[0].strip() for setting in fixed]
    plain = text.removesuffix(f":{settings}") if settings else text.removesuffix(":")
    return Subject(plain, fixed, name, space_of(registry.model(name), names))


def _carry(evaluation: Path, suite: Suite) -> None:
    """Note in results of an earlier evaluation that a search has been gone on with."""
    if not (evaluation / "run.json").exists():
        return
    run = Run.open(evaluation)
    for job in run.plan.jobs:
        tuned = tuned_of(suite.tuned, job.variant, job.dataset)
        stored = run.result(job)
        if tuned is not None and stored is not None and stored.tuned != tuned:
            run.update(job, functools.partial(msgspec.structs.replace, tuned=tuned))


def _hash(settings: StudySettings) -> str:
    return hashlib.sha256(msgspec.json.encode(settings, order="deterministic")).hexdigest()[:8]
