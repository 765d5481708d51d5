"""`genai-bench tune`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.api.budget import Budget
from genbench.cli.commands.shared_options import Device, Executor, Extractor, Workers
from genbench.errors import UsageError
from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def tune(
    context: typer.Context,
    model: Annotated[
        list[str],
        typer.Option(
            "-m",
            "--model",
            metavar="MODEL",
            help="A model; settings stay fixed: [cyan]vae:latent_dim=32[/cyan]. A class of yours:"
            " [cyan]my_model.py:MyModel[/cyan]. Repeatable.",
        ),
    ],
    dataset: Annotated[
        list[str],
        typer.Option(
            "-d", "--dataset", metavar="NAME", help="A data set, or your own: csv:PATH. Repeatable."
        ),
    ],
    trials: Annotated[
        int, typer.Option("--trials", min=1, metavar="N", help="Settings that each search tries.")
    ] = 20,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Training budget of the last rung, and of the evaluation: 10cpu-s, 2000steps.  [dim]\\[default: the"
            " suite's][/dim]"
        ),
    ] = None,
    sampler: Annotated[
        str, typer.Option("--sampler", metavar="NAME", help="How settings are drawn: random or tpe.")
    ] = "tpe",
    seeds: Annotated[
        int,
        typer.Option("--seeds", min=1, metavar="N", help="Seeds of the evaluation; none was in the search."),
    ] = 3,
    studies: Annotated[
        int,
        typer.Option("--studies", min=1, metavar="N", help="Independent searches; the median one counts."),
    ] = 1,
    rungs: Annotated[
        int,
        typer.Option(
            "--rungs", min=1, metavar="N", help="Shares of the budget; 1: no trial is stopped early."
        ),
    ] = 3,
    reduction: Annotated[
        int,
        typer.Option(
            "--reduction", min=2, metavar="N", help="One of N trials goes on to N times the budget."
        ),
    ] = 3,
    at_once: Annotated[
        int,
        typer.Option(
            "--at-once",
            min=1,
            metavar="N",
            help="Trials that are decided on at a time, whatever the workers.",
        ),
    ] = 4,
    suite: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="The suite whose other settings jobs have.")
    ] = "quick",
    jobs: Workers = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads per worker.  [dim]\\[default: 1][/dim]")
    ] = None,
    executor: Executor = "local",
    device: Device = "auto",
    extractor: Extractor = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The study's folder.  [dim]\\[default: runs/tune-...][/dim]"),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train trials again that failed.")
    ] = False,
) -> int:
    """Search for hyperparameters on the validation split, and run the winners beside the defaults.

    Repeating a command goes on with its search.

    [dim]genai-bench tune -m vae -d digits --trials 20 --budget 10cpu-s[/dim]
    """
    from genbench.cli.tune import TuneOptions, tune_command

    if sampler not in ("random", "tpe"):
        raise UsageError(f"--sampler {sampler}: expected random or tpe")
    options = TuneOptions(
        models=tuple(model),
        datasets=tuple(dataset),
        trials=trials,
        budget=None if budget is None else Budget.parse(budget),
        sampler="random" if sampler == "random" else "tpe",
        studies=studies,
        seeds=seeds,
        rungs=rungs,
        reduction=reduction,
        at_once=at_once,
        suite=suite,
        workers=jobs,
        threads=threads,
        executor=executor,
        device=device,
        extractor=extractor,
        out=out,
        retry_failed=retry_failed,
    )
    return tune_command(options, registry_of(context), SafeConsole())
