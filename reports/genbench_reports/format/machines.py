"""Provenance in words: the machines, the code, the dates. Records may lack any of these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genbench.records.result import Result
from genbench.records.run_folder import Run
from genbench_reports.format.joined_runs import runs_of
from genbench_reports.format.numbers import format_bytes
from genbench_reports.format.text import clean

UNKNOWN = "unknown"


def collect(run: Run, results: Iterable[Result]) -> list[Mapping[str, Any]]:
    """The provenance of every result; where no result has one, that of the runs' plans."""
    recorded = [result.provenance for result in results if result.provenance]
    return [*recorded] or [part.plan.provenance for part in runs_of(run) if part.plan.provenance]


def machines(provenances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each machine in one line, without repetition: "AMD EPYC, 2 cores, 8 GiB, no GPU". Empty where nothing ran yet."""
    return list(dict.fromkeys(_machine(provenance) for provenance in provenances))


def software(provenances: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each set of versions in one line: "genbench 0.1.0, Python 3.11.8, torch 2.13.0, commit 0e9d27b"."""
    lines = (_software(provenance) for provenance in provenances)
    return list(dict.fromkeys(line for line in lines if line))


def dates(provenances: Iterable[Mapping[str, Any]]) -> str | None:
    """The day, or the first and the last: "2026-01-02 to 2026-01-03"."""
    days = sorted(
        clean(text)[:10]
        for provenance in provenances
        for key in ("time", "finished")
        if isinstance(text := provenance.get(key), str)
    )
    if not days:
        return None
    return days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"


def _machine(provenance: Mapping[str, Any]) -> str:
    parts = []
    if cpu := provenance.get("cpu"):
        parts.append(clean(str(cpu)))
    if cores := provenance.get("cores"):
        parts.append(f"{clean(str(cores))} cores")
    if isinstance(memory := provenance.get("memory_bytes"), int | float):
        parts.append(format_bytes(memory))
    gpu = provenance.get("gpu")
    if isinstance(gpu, Mapping):
        driver = f" (driver {clean(str(gpu['driver']))})" if gpu.get("driver") else ""
        parts.append(f"{clean(str(gpu.get('name', 'GPU')))}{driver}")
    elif "gpu" in provenance:
        parts.append("no GPU")
    return ", ".join(parts) or UNKNOWN


def _software(provenance: Mapping[str, Any]) -> str:
    packages = provenance.get("packages")
    versions = dict(packages) if isinstance(packages, Mapping) else {}
    named = {
        "genbench": versions.get("genbench"),
        "Python": provenance.get("python"),
        "torch": versions.get("torch"),
    }
    parts = [f"{name} {clean(str(version))}" for name, version in named.items() if version]
    git = provenance.get("git")
    if isinstance(git, Mapping) and git.get("commit"):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        parts.append(f"commit {clean(str(git['commit']))[:10]}{dirty}")
    return ", ".join(parts)
