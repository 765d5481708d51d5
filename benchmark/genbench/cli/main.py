"""`genai-bench`: reads the command line, calls the commands, and turns errors into messages and exit codes.

Exit codes: `genbench.api.exit_codes`. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import copy
import gc
import os
import signal
import sys
from typing import Any

import typer

from genbench.api.exit_codes import ExitCode
from genbench.cli.app import app
from genbench.early_interrupts import react_normally
from genbench.errors import GenbenchError
from genbench.execution.interrupts import end_as_ctrl_c_does
from genbench.plugin.discovery import load_registry
from genbench.plugin.registry import Registry
from genbench.util.stand_ins import never_fail
from genbench.util.terminal import SafeConsole, guard_terminals

# typer contains click since 0.26 and uses the package in earlier versions; this is the base class in either
ClickException: Any = typer.BadParameter.__mro__[2]

COLLECTOR_THRESHOLDS = (100_000, 20, 20)
"""For `gc.set_threshold`. At Python's own 700 new objects the collector of cycles runs thousands of times while a
report of many records is made, and finds nothing: `show` of 10,000 records took 0.3 s longer."""


def main() -> None:
    """Run the command line and exit with its code. `genbench.cli.start` is the console script."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
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
    """The commands of `genbench.cli.app` and of plugins. A Typer of its own for each call, or those of plugins would be
    there twice from the second on."""
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
