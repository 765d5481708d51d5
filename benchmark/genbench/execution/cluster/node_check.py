"""Whether another machine has what this one has: Python, packages, the code of models and data sets, and the time.

What differs is told before anything is trained, in one line per difference.
"""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import time
from collections.abc import Iterable

import msgspec

from genbench.records.task import Task
from genbench.util.source_hash import source_files, source_hash

_PACKAGES = ("genbench", "torch", "numpy")
"""The packages whose versions have to be equal, as `genai-bench merge` demands of runs."""
MAX_CLOCK_SECONDS = 60.0
"""How far the clocks of two machines may be apart. No measurement compares them, but dates in records do."""


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine has."""

    host: str
    """Its name."""
    python: str
    """The version of Python, without the last number."""
    packages: dict[str, str | None]
    """Version by package; None for one that is not installed."""
    sources: dict[str, str | None]
    """The hash of the source by factory; None where its module is not installed."""
    seconds: float
    """Its clock, in seconds since 1970."""


def factories_of(tasks: Iterable[Task]) -> list[str]:
    """The models and data sets of the tasks, as "package.module:object"."""
    found = (name for task in tasks for name in (task.model_factory, task.dataset.factory))
    return [*dict.fromkeys(name for name in found if name)]


def node_facts(factories: Iterable[str]) -> NodeFacts:
    """The facts of this machine."""
    return NodeFacts(
        host=socket.gethostname(),
        python=".".join(platform.python_version_tuple()[:2]),
        packages={name: _version(name) for name in _PACKAGES},
        sources={
            name: source_hash(name) if source_files(name.partition(":")[0]) else None for name in factories
        },
        seconds=time.time(),
    )


def differences(here: NodeFacts, there: NodeFacts) -> list[str]:
    """What keeps jobs of `here` from running on `there`, a line each; empty where nothing does. The clock of `here` is
    the time at which `there` has answered."""
    lines = []
    if here.python != there.python:
        lines.append(f"node {there.host} has Python {there.python}, this machine {here.python}")
    for name, version in here.packages.items():
        if (other := there.packages.get(name)) != version:
            has = "no" if other is None else f"version {other} of"
            lines.append(f"node {there.host} has {has} {name}, this machine version {version}")
    for name, source in here.sources.items():
        other = there.sources.get(name)
        if source is not None and other is None:
            lines.append(f"node {there.host} has no {name.partition(':')[0]}: install its plugin there")
        elif other != source:
            lines.append(
                f"node {there.host} has another version of {name.partition(':')[0]}: install the same"
            )
    apart = there.seconds - here.seconds
    if abs(apart) > MAX_CLOCK_SECONDS:
        how = "ahead of" if apart > 0 else "behind"
        lines.append(
            f"the clock of node {there.host} is {abs(apart):.0f} s {how} this machine's: set both by NTP"
        )
    return lines


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
