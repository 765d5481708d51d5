"""The command `audit`: examines a function that claims to be a log-likelihood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.markup import escape

from genbench.api.cards import load_factory
from genbench.api.exit_codes import ExitCode
from genbench.datasets.prepared import load_dataset
from genbench.errors import UsageError
from genbench.plugin.registry import Registry
from genbench.plugin.unannounced_models import module_of_file
from genbench.testing.audit import ANNEALING_SECONDS
from genbench.testing.audit_functions import FunctionAudit, audit_functions

_SIGNS = {True: "[green]holds[/green]", False: "[red]fails[/red]", None: "[dim]not judged[/dim]"}


def audit_command(
    function: str,
    data: str,
    sample: str | None,
    *,
    takes_numpy: bool,
    quick: bool,
    as_json: bool,
    registry: Registry,
    console: Console,
) -> int:
    """Print the verdict and return the exit code. Raises UsageError, PluginError and DataError."""
    log_prob = _load(function)
    found = audit_functions(
        log_prob,
        load_dataset(registry.dataset(data)),
        None if sample is None else _samples(sample),
        takes_numpy=takes_numpy,
        annealing_seconds=0.0 if quick else ANNEALING_SECONDS,
    )
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _show(found, function, console)
    return ExitCode.OK if found.passed else ExitCode.JOB_FAILED


def _show(found: FunctionAudit, function: str, console: Console) -> None:
    for check in found.checks:
        console.print(f"{_SIGNS[check.passed]}: {escape(check.name)}: {escape(check.detail)}", soft_wrap=True)
    verdict = "passes" if found.passed else "[red]fails[/red]"
    console.print(
        f"[bold]{escape(function)} {verdict} its audit on {escape(found.data)}[/bold]", soft_wrap=True
    )
    if found.hint:
        console.print(escape(found.hint), soft_wrap=True)
    if found.test_mean is not None and found.reference_mean is not None:
        console.print(
            f"test examples have {found.test_mean:.5g} nats on average; under a simple density fitted to the training"
            f" data they have {found.reference_mean:.5g}",
            soft_wrap=True,
        )
    console.print(f"[dim]{escape(found.reach)}[/dim]", soft_wrap=True)


def _samples(text: str) -> Any:
    if not text.endswith(".npy"):
        return _load(text)
    try:
        return np.load(text, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"--sample {text}: {error}") from None


def _load(text: str) -> Any:
    """The function that "module:function" or "file.py:function" names. Raises UsageError, PluginError."""
    place, _, name = text.rpartition(":")
    if not (place and name.isidentifier()):
        raise UsageError(f"{text!r}: expected MODULE:FUNCTION or FILE.py:FUNCTION")
    module = module_of_file(Path(place)) if place.endswith(".py") else place
    found = load_factory(f"{module}:{name}")
    if not callable(found):
        raise UsageError(f"{text} is {type(found).__name__}, expected a function")
    return found
