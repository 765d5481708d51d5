"""`genai-bench doctor`: describes this installation and names its problems."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genbench.api.exit_codes import ExitCode
from genbench.datasets.versions import prepared_path
from genbench.execution.start_method import start_method
from genbench.plugin.discovery import BLOCK_VARIABLE, misspelt_groups
from genbench.plugin.registry import Registry
from genbench.runner.provenance import cpu_name, gpu_state
from genbench.util.cache_folder import cache_folder
from genbench.util.usable_cores import usable_cores


def examine(registry: Registry, console: Console) -> int:
    """Print the parts of the installation and its problems. Returns the exit code: OK if there are no problems."""
    import torch

    problems = [*registry.problems(), *misspelt_groups()]
    table = Table.grid(padding=(0, 2))
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    table.add_row("torch", f"{torch.__version__}, {torch.get_num_threads()} threads")
    table.add_row("processor", f"{cpu_name()}, {describe_cores()}")
    table.add_row("device", _describe_gpu(torch.cuda.is_available(), problems))

    table.add_row("workers", start_method())
    table.add_row("data cache", _describe_cache(registry, problems))
    for plugin in registry.plugins:
        refused = f"blocked by {BLOCK_VARIABLE}" if plugin.blocked else "[red]left out[/red]"
        state = f"{plugin.cards} cards" if plugin.loaded else refused
        table.add_row(
            "plugin", f"{escape(plugin.name)} from {escape(plugin.distribution)} {plugin.version}: {state}"
        )
    console.print(table)
    for problem in problems:
        console.print(f"[red]problem[/red]  {escape(problem)}", soft_wrap=True)
    if not problems:
        console.print("[green]all well[/green]")
    return ExitCode.JOB_FAILED if problems else ExitCode.OK


def describe_cores() -> str:
    """ "8 cores"; "2 of 8 cores" if the affinity of the process allows no more."""
    usable, installed = usable_cores(), os.cpu_count()
    if usable == installed:
        return f"{usable} core" if usable == 1 else f"{usable} cores"
    return f"{usable} of {installed} cores"


def _describe_gpu(usable: bool, problems: list[str]) -> str:
    gpu = gpu_state()
    if gpu is None:
        return "cuda" if usable else "cpu (no GPU found)"
    if not usable:
        problems.append(f"this build of torch cannot use the GPU {gpu['name']}")
    return f"{gpu['name']}, driver {gpu['driver']}, {gpu['memory_bytes'] / 2**30:.0f} GiB"


def _describe_cache(registry: Registry, problems: list[str]) -> str:
    folder = cache_folder()
    ready = sum(prepared_path(card).exists() for card in registry.datasets.values())
    if not _is_writable(folder):
        problems.append(f"the data cache {folder} cannot be written; set GENBENCH_DATA to a folder that can")
    return f"{escape(str(folder))}: {ready} of {len(registry.datasets)} data sets prepared"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
