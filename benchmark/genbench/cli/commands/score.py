"""`genai-bench score`: its arguments and options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli.commands.shared_options import Executor, Workers
from genbench.errors import UsageError
from genbench.plugin.registry import registry_of
from genbench.util.terminal import SafeConsole


def score(
    context: typer.Context,
    run: Annotated[Path | None, typer.Argument(help="A run's folder.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("-m", "--metric", metavar="NAME", help="Only this metric. Repeatable."),
    ] = None,
    jobs: Workers = None,
    executor: Executor = "local",
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Compute all values anew if the feature extractor is another one."),
    ] = False,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Samples of yours: .npy, .npz, .safetensors, a table, a text, or a folder of images, texts or MIDI.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", metavar="NAME", help="The data set that the samples are like."),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN", help="Rank the samples beside the models of this run.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the samples' row.  [dim]\\[default: the file's][/dim]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of a new run.  [dim]\\[default: runs/brought-NAME-...][/dim]"
        ),
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Feature extractor, for samples in a new run.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the samples' record as JSON.")] = False,
) -> int:
    """Compute metrics again, or new ones, from the stored samples of a run; or score samples of your own.

    Likelihoods and costs, which need the model, are left as they are.

    [dim]genai-bench score runs/quick\n
    genai-bench score --samples samples.npy --data digits --into runs/quick[/dim]
    """
    if samples is None:
        from genbench.cli.score import score_command

        if run is None:
            raise UsageError("what to score? a run's folder, or --samples PATH --data NAME")
        return score_command(run, metric or (), jobs, executor, replace, registry_of(context), SafeConsole())
    from genbench.cli.score_samples import BroughtOptions, score_samples_command

    if run is not None or metric or replace:
        raise UsageError(
            "--samples takes no RUN, no --metric and no --replace; --into RUN adds the samples to a run"
        )
    if data is None:
        raise UsageError("--samples needs --data NAME: the data set that the samples are to be like")
    options = BroughtOptions(
        data=data,
        into=into,
        name=name,
        out=out,
        extractor=extractor,
        workers=jobs,
        executor=executor,
        as_json=json,
    )
    return score_samples_command(samples, options, registry_of(context), SafeConsole())
