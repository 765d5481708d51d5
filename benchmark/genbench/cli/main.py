"""`genai-bench`: reads the command line, calls the commands, and turns errors into messages and exit codes.

Exit codes: `genbench.api.exit_codes`. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import copy
import importlib.metadata
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from genbench.api.budget import Budget
from genbench.api.exit_codes import ExitCode
from genbench.cli.datasets import datasets_app
from genbench.cli.features import features_app
from genbench.cli.plugin import plugin_app
from genbench.early_interrupts import react_normally
from genbench.errors import GenbenchError, UsageError
from genbench.execution.interrupts import end_as_ctrl_c_does
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry, registry_of
from genbench.util.stand_ins import never_fail
from genbench.util.terminal import SafeConsole, guard_terminals

# typer contains click since 0.26 and uses the package in earlier versions; this is the base class in either
ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="genai-bench",
    help="Compare generative models (GANs, VAEs, autoregressive models) under equal compute budgets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(datasets_app)
app.add_typer(features_app)
app.add_typer(plugin_app)


WorkersOption = Annotated[
    int | None,
    typer.Option(
        "-j", "--jobs", min=1, metavar="N", help="Workers at once.  [dim]\\[default: one per core][/dim]"
    ),
]

ExecutorOption = Annotated[str, typer.Option("--executor", metavar="NAME", help="How workers are run.")]


def main() -> None:
    """Run the command line and exit with its code. `genbench.cli.start` is the console script."""
    never_fail(sys.stdout, sys.stderr)
    guard_terminals()
    try:
        react_normally()
        end_as_ctrl_c_does()
        code = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:  # a second one, while the first was ending the command
        code = ExitCode.INTERRUPTED
    if code == ExitCode.INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to stop
    sys.exit(code)


def run_command_line(arguments: list[str], registry: Registry | None = None) -> int:
    """Run a command and return its exit code. A mistake of the user is reported in one or two lines on
    stderr.

    registry: the cards that the command may use; None for those of the installed plugins. Commands get it from
    `genbench.plugin.registry.registry_of(context)`.
    """
    stderr = SafeConsole(stderr=True, highlight=False, soft_wrap=True)
    try:
        registry = load_registry() if registry is None else registry
        code = with_plugins(registry)(arguments, standalone_mode=False, prog_name="genai-bench", obj=registry)
        if code == ExitCode.INTERRUPTED:  # typer returns this after Ctrl-C, without a message
            stderr.print("interrupted")
        return code if isinstance(code, int) else ExitCode.OK
    except typer.Exit as stop:
        return stop.exit_code
    except ClickException as error:
        if message := error.format_message():  # empty if the command has shown its help
            stderr.print(f"genai-bench: {message.rstrip('.')}{_hint(error)}", markup=False)
        return ExitCode.USAGE
    except GenbenchError as error:
        stderr.print(f"genai-bench: {error}", markup=False)
        return ExitCode.USAGE
    except (KeyboardInterrupt, typer.Abort):
        stderr.print("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return _reader_left(arguments)
    except OSError as error:  # of a file that the user named, or of the system
        named = f": {error.filename}" if error.filename else ""
        stderr.print(f"genai-bench: {error.strerror or error}{named}", markup=False)
        return ExitCode.USAGE
    except SystemExit as stop:  # rich exits when the reader of its output goes away
        if isinstance(stop.__context__, BrokenPipeError):
            return _reader_left(arguments)
        raise


def with_plugins(registry: Registry) -> typer.Typer:
    """The commands of this file and of plugins. A Typer of its own for each call, or they would be there twice from the
    second on."""
    extended = copy.copy(app)
    extended.registered_commands = [*app.registered_commands]
    extended.registered_groups = [*app.registered_groups]
    registry.tell("genbench_commands", app=extended)
    return extended


def _reader_left(arguments: list[str]) -> int:
    """The program that read our output has ended, as in `genai-bench list models | head`. That is no error, but a run
    counts as interrupted."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    runs = arguments[:1] == ["run"] and not {"--help", "-h", "--dry-run"} & {*arguments}
    return ExitCode.INTERRUPTED if runs else ExitCode.OK


def _hint(error: Any) -> str:
    """Refers to the help of the command, unless the message already suggests a name."""
    context = getattr(error, "ctx", None)
    if context is None or "Did you mean" in error.format_message():
        return ""
    return f"; see {context.command_path} --help"


def _show_version(wanted: bool) -> bool:
    if wanted:
        print(f"genai-bench {importlib.metadata.version('genbench')}")
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Compare generative models (GANs, VAEs, autoregressive models) under equal compute budgets."""


@app.command()
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
    jobs: WorkersOption = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Threads per worker.  [dim]\\[default: cores / workers][/dim]"),
    ] = None,
    executor: ExecutorOption = "local",
    # "--device" is given because typer 0.27 would make --DEVICE of a metavar that equals the parameter's name
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu or cuda.")] = "auto",
    extractor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Feature extractor of the metrics.  [dim]\\[default: the data set's][/dim]"
        ),
    ] = None,
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


@app.command()
def merge(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, two or more.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new folder.")],
    across_hardware: Annotated[
        bool,
        typer.Option(
            "--across-hardware",
            help="Merge results of several classes of hardware; reports say that they are.",
        ),
    ] = False,
) -> int:
    """Join runs in a new folder: records and their files. What does not belong together is refused by name.

    [dim]genai-bench merge runs/part-1 runs/part-2 -o runs/whole[/dim]
    """
    from genbench.cli.merge import merge_command

    return merge_command(runs, output, SafeConsole(), across_hardware=across_hardware)


@app.command()
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
    jobs: WorkersOption = None,
    threads: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Threads per worker.  [dim]\\[default: 1][/dim]")
    ] = None,
    executor: ExecutorOption = "local",
    device: Annotated[str, typer.Option("--device", metavar="DEVICE", help="auto, cpu or cuda.")] = "auto",
    extractor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Feature extractor of the metrics.  [dim]\\[default: the data set's][/dim]"
        ),
    ] = None,
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


@app.command("list")
def list_(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(help="models, datasets, sources, metrics, extractors, loggers, suites or plugins")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List models, data sets, sources of your own data, metrics, extractors, loggers, suites or plugins."""
    from genbench.cli.listing import render_listing

    render_listing(what, registry_of(context), SafeConsole(), as_json=json)


@app.command()
def score(
    context: typer.Context,
    run: Annotated[Path | None, typer.Argument(help="A run's folder.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("-m", "--metric", metavar="NAME", help="Only this metric. Repeatable."),
    ] = None,
    jobs: WorkersOption = None,
    executor: ExecutorOption = "local",
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


@app.command()
def audit(
    context: typer.Context,
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Log-likelihoods of examples, (N, ...) -> (N,) nats: [cyan]my_model.py:log_prob[/cyan].",
        ),
    ],
    data: Annotated[
        str, typer.Option("--data", "-d", metavar="NAME", help="A data set, or your own: csv:PATH.")
    ],
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION|FILE.npy",
            help="sample(count) of the same distribution, or an array of its samples.",
        ),
    ] = None,
    numpy: Annotated[
        bool, typer.Option("--numpy", help="The functions take and return arrays of numpy.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the check that takes half a minute.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> int:
    """Check that a function is the log-likelihood it claims to be: does it sum to 1, in nats, whatever the batch?"""
    from genbench.cli.audit import audit_command

    return audit_command(
        function,
        data,
        sample,
        takes_numpy=numpy,
        quick=quick,
        as_json=json,
        registry=registry_of(context),
        console=SafeConsole(),
    )


@app.command()
def doctor(context: typer.Context) -> int:
    """Check Python, torch, the device, threads, plugins and the data cache."""
    from genbench.cli.doctor import examine

    return examine(registry_of(context), SafeConsole())
