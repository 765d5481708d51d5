"""The command `run`: makes and shows the plan, executes the jobs that have no result, and sums up."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape

from genbench.api.budget import Budget
from genbench.api.exit_codes import ExitCode
from genbench.cli.download_bars import fetch_all, size_of
from genbench.cli.live_view import LiveView, duration
from genbench.cli.score import report_unscored
from genbench.datasets.fetching import missing_files, not_in_mirror, whence
from genbench.errors import UsageError
from genbench.execution.gpu_pool import check_gpus_per_job
from genbench.execution.limits import memory_per_worker
from genbench.measure.machine_probe import PROBE_VERSION, probe_machine
from genbench.measure.visible_gpus import VisibleGpu, visible_gpus, words_on_neighbours
from genbench.plugin.registry import Registry
from genbench.plugin.unannounced_models import with_unannounced
from genbench.records.job import Job
from genbench.records.result import Circumstance, Result
from genbench.records.run_folder import Plan, Run
from genbench.runner.again import advice, reasons_in_words, to_run_again
from genbench.runner.logger_threads import choose_loggers, logging_to
from genbench.runner.planning import Request, estimate_seconds, folder_name, make_plan
from genbench.runner.provenance import collect_provenance
from genbench.runner.rescoring import out_of_date, rescore
from genbench.runner.run_benchmark import Execution, run_benchmark
from genbench.runner.suite import load_suite
from genbench.util.leases import Holder
from genbench.util.usable_cores import usable_cores

_MAX_REFUSALS = 8
"""Up to so many pairs of model and data set that do not go together are named; of more, the number is."""


@dataclass(frozen=True)
class RunOptions:
    """The command line of `run`. None: the user did not choose."""

    models: tuple[str, ...]
    """Models with or without settings; empty for those of the suite."""
    datasets: tuple[str, ...]
    """Data sets; empty for those of the suite."""
    suite: str
    """A built-in suite by name, or a TOML file by its path."""
    budget: Budget | None
    """The training budget; None for that of the suite."""
    seeds: int | None
    """The number of seeds; None for that of the suite."""
    workers: int | None
    """How many jobs run at once; None for one per usable core, or for as many as the GPUs suffice for."""
    threads: int | None
    """Threads per worker; None for an equal part of the usable cores."""
    executor: str
    """The executor, as its card names it."""
    device: str
    """Where models run: "auto", "cpu" or "cuda"."""
    extractor: str | None
    """The feature extractor; None for that of each data set."""
    out: Path | None
    """The folder of the run; None for one in `runs/` that is named after the plan."""
    dry_run: bool
    """Show the plan and run nothing."""
    shard: str | None
    """The part of the jobs to run: "I/N" for the I-th of N parts; None for all."""
    retry_failed: bool
    """Run jobs again whose stored result is a failure."""
    probe: bool
    """Measure the speed of the machine before and after the run."""
    waits: bool = True
    """Wait for jobs that other processes work on in the same folder."""
    log: tuple[str, ...] = ()
    """Loggers as "NAME" or "NAME:TARGET"."""
    samples: int | None = None
    """How many samples are scored at most; None for as many as the suite says."""
    gpus_per_job: int = 1
    """How many GPUs a job sees, for jobs on GPUs."""


@dataclass(frozen=True)
class Ended:
    """How `run` ended."""

    code: ExitCode
    """The exit code."""
    run: Run | None = None
    """The run; None where there was nothing to run, or only the plan was shown."""


def run_command(options: RunOptions, registry: Registry, console: Console) -> int:
    """Make the plan, run it, and return the exit code. Raises UsageError."""
    return execute(options, registry, console).code


def execute(options: RunOptions, registry: Registry, console: Console) -> Ended:
    """Make the plan and run it. Raises UsageError."""
    for problem in registry.problems():
        console.print(f"[yellow]left out:[/yellow] {escape(problem)}", soft_wrap=True)
    executor = registry.executor(options.executor)
    if why := executor.obstacle():
        raise UsageError(why)
    is_elsewhere = executor.runs_elsewhere and options.device == "cuda"
    device = "cuda" if is_elsewhere else choose_device(options.device)
    cores = usable_cores()
    gpus = _gpus_of_machine(options, device, is_elsewhere=executor.runs_elsewhere)
    at_once = max(1, len(gpus) // options.gpus_per_job) if device == "cuda" else cores
    workers = options.workers or at_once
    threads = options.threads or max(1, cores // workers)
    suite = load_suite(options.suite, registry.suites)
    if options.samples is not None:
        suite = msgspec.structs.replace(suite, samples=options.samples)
    named, registry = with_unannounced(options.models or suite.models, registry)
    request = Request(
        suite=suite if options.models else msgspec.structs.replace(suite, models=named),
        models=named if options.models else (),
        datasets=options.datasets,
        budget=options.budget,
        seeds=options.seeds,
        device=device,
        threads=threads,
        extractor=options.extractor,
        gpus=options.gpus_per_job if options.gpus_per_job > 1 else None,
    )
    loggers = choose_loggers(options.log, registry)
    plan = make_plan(request, registry, ["genai-bench", *sys.argv[1:]])
    whole = not (options.models or options.datasets or options.budget or options.seeds or options.threads)
    folder = options.out or Path("runs") / folder_name(
        plan, whole_suite=whole and not (options.workers or options.extractor)
    )
    shard = _read_shard(options.shard)
    room_bytes = memory_per_worker(workers)
    if options.dry_run:
        _show_plan(plan, folder, workers, room_bytes, options, console)
        return Ended(ExitCode.OK if plan.jobs else ExitCode.NOTHING_RAN)
    if not plan.jobs:
        console.print("nothing to run: no model takes any of these data sets")
        return Ended(ExitCode.NOTHING_RAN)
    plan, unavailable = _fetch_data(plan, folder, options, room_bytes, console)
    if not plan.jobs:
        return Ended(ExitCode.NOTHING_RAN)
    provenance = collect_provenance(threads)
    if gpus:
        provenance["gpus"] = [msgspec.to_builtins(gpu) for gpu in gpus]
    run = Run.create(folder, msgspec.structs.replace(plan, provenance=provenance))
    _store_unavailable(run, unavailable)
    mine = plan.jobs[shard[0] - 1 :: shard[1]]
    can_run = [job for job in mine if job.dataset not in unavailable]
    again = to_run_again(run, can_run, room_bytes, every_failure=options.retry_failed)
    done = run.heads()
    pending = [job for job in mine if job.id in again or job.id not in done]
    if pending:
        provenance |= {"workers": workers} | (_probe("probe") if options.probe else {})
    _announce(plan, mine, pending, again, folder, workers, console)
    for line in filter(None, map(words_on_neighbours, gpus if pending else ())):
        console.print(f"[yellow]{escape(line)}[/yellow]", soft_wrap=True)
    execution = Execution(options.executor, workers, options.waits)
    _score_again(run, mine, registry, execution, provenance, console)
    try:
        panels = registry.ask("genbench_live_panels", run=run, registry=registry)
        with logging_to(loggers, run, registry), LiveView(console, pending, workers, panels) as view:
            run_benchmark(
                run,
                pending,
                registry,
                execution,
                provenance,
                view,
                again=again,
                on_waiting=lambda others: console.print(
                    escape(_elsewhere(others, options.waits)), soft_wrap=True
                ),
            )
    except KeyboardInterrupt:
        left = sum(run.result(job) in (None, again.get(job.id)) for job in mine)
        console.print(
            f"\n[yellow]{len(mine) - left}[/yellow] of {len(mine)} jobs are done and stored in"
            f" {escape(str(folder))}; repeat the command to run the others"
        )
        raise
    if pending and options.probe:
        run.add_provenance({**provenance, **_probe("probe_after")})
    console.print(f"results in [bold]{escape(str(folder))}[/bold]")
    failed = [head for head in run.heads().values() if head.status not in ("ok", "unsupported")]
    if failed:
        console.print(
            f"[red]{len(failed)} of {len(plan.jobs)} jobs failed[/red]; logs in {escape(str(folder))}/jobs"
        )
        for line in advice(failed):
            console.print(escape(line), soft_wrap=True)
    return Ended(ExitCode.JOB_FAILED if failed else ExitCode.OK, run)


def _elsewhere(others: Sequence[tuple[Job, Holder | None]], waits: bool) -> str:
    """The line on jobs that other processes work on."""
    who = ", ".join(dict.fromkeys("another" if holder is None else holder.words for _, holder in others))
    if waits:
        return f"waiting for {_count(len(others), 'job')} of other processes ({who}), or for these to end"
    verb = "is" if len(others) == 1 else "are"
    return f"{_count(len(others), 'job')} {verb} left to other processes: {who}"


def _score_again(
    run: Run,
    jobs: list[Job],
    registry: Registry,
    execution: Execution,
    provenance: dict[str, Any],
    console: Console,
) -> None:
    """Compute those stored values again that come from another version of their metric."""
    wishes = out_of_date(run, jobs, registry)
    if not wishes:
        return
    console.print(f"{_count(len(wishes), 'job')} to score again: their metrics have changed since")
    rescore(
        run,
        wishes,
        registry,
        execution,
        provenance,
        on_problem=lambda job, line: report_unscored(console, job, line),
        is_done=lambda wish: not out_of_date(run, [wish.result.job], registry),
    )


def choose_device(wanted: str) -> str:
    """ "cpu" or "cuda"; "auto" is "cuda" if torch finds a GPU. Raises UsageError."""
    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {wanted}: expected auto, cpu or cuda")
    if wanted == "cpu" or (wanted == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UsageError("--device cuda: torch finds no GPU here; `genai-bench doctor` says more")
    return "cpu"


def _gpus_of_machine(options: RunOptions, device: str, *, is_elsewhere: bool) -> list[VisibleGpu]:
    """The GPUs of this machine for a run on them; empty for other runs. Raises UsageError if there are too few of them
    for a job."""
    if device != "cuda":
        if options.gpus_per_job > 1:
            raise UsageError(
                f"--gpus-per-job {options.gpus_per_job}: jobs on the CPU use none; add --device cuda"
            )
        return []
    if is_elsewhere:  # the cluster knows its own
        return []
    gpus = visible_gpus()
    check_gpus_per_job(options.gpus_per_job, len(gpus), any(gpu.is_part for gpu in gpus))
    return gpus


def _may_have_gpu() -> bool:
    """Whether the system may have a GPU, found out without importing torch, which takes seconds."""
    return sys.platform != "linux" or Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()


def _read_shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise UsageError(f"--shard {text}: expected I/N with 1 <= I <= N, as in 2/4")
    return int(part), int(parts)


def _announce(
    plan: Plan,
    mine: list[Job],
    pending: list[Job],
    again: Mapping[str, Result],
    folder: Path,
    workers: int,
    console: Console,
) -> None:
    estimate = estimate_seconds(pending, workers)
    about = "" if estimate is None or not pending else f", about {duration(estimate)}"
    finished = len(mine) - len(pending)
    parts = [f"{finished} {'is' if finished == 1 else 'are'} done already"] if finished else []
    if again:
        verb = "runs" if len(again) == 1 else "run"
        parts.append(f"{len(again)} {verb} again: {reasons_in_words(again.values())}")
    done = f" ({'; '.join(parts)})" if parts else ""
    console.print(
        f"suite [bold]{escape(plan.suite)}[/bold]: {_count(len(pending), 'job')} to run{done}"
        f" on {_count(workers, 'worker')}{about}, into {escape(str(folder))}"
    )
    if len(plan.refused) > _MAX_REFUSALS:
        console.print(f"[dim]{len(plan.refused)} pairs of model and data set are unsupported[/dim]")
    else:
        for refused in plan.refused:
            console.print(f"[dim]left out: {escape(refused.reason or '')}[/dim]", soft_wrap=True)


def _fetch_data(
    plan: Plan, folder: Path, options: RunOptions, room_bytes: int, console: Console
) -> tuple[Plan, dict[str, str]]:
    """Fetch the data sets of jobs that are still to be run.

    A data set that cannot be had is reported in one line, and its jobs are left out of the plan. If the user asked for
    it by name, its jobs stay in the plan. Returns the plan, and the reason by name for each data set that stays.
    """
    pending, _ = _pending(Run(folder, plan), options, room_bytes)
    cards = [plan.datasets[name] for name in dict.fromkeys(job.dataset for job in pending)]
    failures = fetch_all(cards, console)
    for name, why in failures.items():
        console.print(f"[yellow]{escape(name)} is missing[/yellow]: {escape(why)}", soft_wrap=True)
    left_out = failures.keys() - set(options.datasets)
    kept = msgspec.structs.replace(
        plan,
        jobs=[job for job in plan.jobs if job.dataset not in left_out],
        refused=[result for result in plan.refused if result.job.dataset not in left_out],
    )
    return kept, {name: why for name, why in failures.items() if name not in left_out}


def _pending(run: Run, options: RunOptions, room_bytes: int) -> tuple[list[Job], dict[str, Result]]:
    """The jobs of the plan that are to be run, and the results of those among them that are run again."""
    again = to_run_again(run, run.plan.jobs, room_bytes, every_failure=options.retry_failed)
    done = run.heads()
    return [job for job in run.plan.jobs if job.id in again or job.id not in done], again


def _store_unavailable(run: Run, unavailable: dict[str, str]) -> None:
    """Store the result `data_error` of jobs whose data set cannot be had."""
    for job in run.pending() if unavailable else ():
        if job.dataset in unavailable:
            reason, cause = unavailable[job.dataset], Circumstance(kind="data")
            run.store(Result(id=job.id, status="data_error", reason=reason, job=job, circumstance=cause))


def _probe(when: str) -> dict[str, Any]:
    probe = probe_machine()
    return {
        f"{when}_seconds": probe.seconds,
        f"{when}_others_cores": probe.others_cores,
        "probe_version": PROBE_VERSION,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _show_plan(
    plan: Plan, folder: Path, workers: int, room_bytes: int, options: RunOptions, console: Console
) -> None:
    run = Run(folder, plan)
    pending, again = _pending(run, options, room_bytes)
    wanted = {job.id for job in pending}
    done, lines = run.heads(), []
    for job in plan.jobs:
        name = job.id
        stored = done.get(name)
        state = "" if stored is None else f"  [dim]{stored.status}{', again' * (name in wanted)}[/dim]"
        lines.append(
            f"{name}  {escape(job.variant)} on {escape(job.dataset)}, seed {job.seed}, {job.budget}{state}"
        )
    if lines:  # one call for all: each has its price
        console.print("\n".join(lines), highlight=False)
    for result in plan.refused:
        console.print(f"[dim]unsupported       {escape(result.reason or '')}[/dim]")
    for name in dict.fromkeys(job.dataset for job in plan.jobs):
        missing = missing_files(plan.datasets[name])
        if absent := not_in_mirror(missing):
            console.print(
                f"{escape(name)} cannot be fetched: {escape(absent[0].name)} is not in {escape(whence())}",
                soft_wrap=True,
            )
        elif missing:
            console.print(
                f"{escape(name)} is to be fetched first: {size_of(missing)}, from {escape(whence())}",
                soft_wrap=True,
            )
    _announce(plan, plan.jobs, pending, again, folder, workers, console)
