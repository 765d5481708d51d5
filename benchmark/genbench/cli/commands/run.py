"""`genai-bench run`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.api.budget import Budget
from genbench.cli.commands.shared_options import Device, Executor, Extractor, Workers
from genbench.errors import UsageError
from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def run(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Every model on every data set of the suite.")] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help="A model, with settings: [cyan]vae:latent_dim=32,beta=4[/cyan], or a class of yours:"
            " [cyan]my_model.py:MyModel[/cyan]. Repeatable.",
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "-d",
            "--dataset",
            metavar="NAME",
            help="A data set, or your own: [cyan]csv:PATH[/cyan]. Repeatable.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="A suite's name, or a TOML file.  [dim]\\[default: quick][/dim]"
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Training budget: 30s, 2000steps, 1e12flops, 100kexamples, or several with commas."
        ),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many seeds; claims need three or more.")
    ] = None,
    jobs: Workers = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads per worker.  [dim]\\[default: cores / workers][/dim]"),
    ] = None,
    executor: Executor = "local",
    device: Device = "auto",
    gpus_per_job: Annotated[int, typer.Option(min=1, metavar="N", help="GPUs that a job sees, on GPUs.")] = 1,
    extractor: Extractor = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder.  [dim]\\[default: runs/SUITE...][/dim]"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only the I-th of N parts, for several machines.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            help="Wait for jobs that other processes run in the same folder, or leave them to those.",
        ),
    ] = True,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run jobs again whose stored result is a failure.")
    ] = False,
    log: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:TARGET]",
            help="Follow the run in a tracker: tensorboard, mlflow, wandb, or a plugin's. Repeatable.",
        ),
    ] = None,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe/--no-probe",
            envvar="GENBENCH_PROBE",
            help="Time a fixed workload before and after the run, which `compare` needs to compare speeds.",
        ),
    ] = True,
) -> int:
    """Run models on data sets and show the leaderboard.

    Repeating a command runs only the jobs that have no result yet.

    [dim]genai-bench run --all\n
    genai-bench run -m vae -m pixelcnn -d digits --budget 30s --seeds 3[/dim]
    """
    from genbench.cli.run import RunOptions, run_command

    if not (all_ or model or dataset or suite):
        raise UsageError(
            "what to run? --all, -m MODEL, -d DATASET or --suite NAME; see genai-bench run --help"
        )
    options = RunOptions(
        models=tuple(model or ()),
        datasets=tuple(dataset or ()),
        suite=suite or "quick",
        budget=None if budget is None else Budget.parse(budget),
        seeds=seeds,
        workers=jobs,
        threads=threads,
        executor=executor,
        device=device,
        gpus_per_job=gpus_per_job,
        extractor=extractor,
        out=out,
        dry_run=dry_run,
        shard=shard,
        retry_failed=retry_failed,
        waits=wait,
        log=tuple(log or ()),
        probe=probe,
    )
    return run_command(options, registry_of(context), SafeConsole())
