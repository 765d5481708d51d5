"""Modules that plugins may have imported before the harness was sorted into rooms: each still imports, with a
`DeprecationWarning` that names its new place.

The objects are the same ones: a class imported under a former name is the class of the new module.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

FORMER_NAMES = {
    "genbench.budget": "genbench.api.budget",
    "genbench.cards": "genbench.api.cards",
    "genbench.checksums": "genbench.util.checksums",
    "genbench.compute_meter": "genbench.api.compute_meter",
    "genbench.data": "genbench.api.data",
    "genbench.data_cache": "genbench.datasets",
    "genbench.executors": "genbench.execution.executor",
    "genbench.fetching": "genbench.datasets.fetching",
    "genbench.hookspecs": "genbench.plugin.hookspecs",
    "genbench.job": "genbench.records.job",
    "genbench.likelihood.base_rate_rbm": "genbench.likelihood.ais.base_rate_rbm",
    "genbench.likelihood.decoder_likelihood": "genbench.likelihood.ais.decoder",
    "genbench.likelihood.decoder_observation": "genbench.likelihood.ais.decoder_observation",
    "genbench.likelihood.kinds": "genbench.records.likelihood_kinds",
    "genbench.likelihood.observation": "genbench.api.observation",
    "genbench.likelihood.partition": "genbench.likelihood.ais.partition_function",
    "genbench.live_panel": "genbench.plugin.live_panel",
    "genbench.loggers": "genbench.runner.logger_threads",
    "genbench.model": "genbench.api.model",
    "genbench.plugin_manager": "genbench.plugin.discovery",
    "genbench.prepared_file": "genbench.datasets",
    "genbench.result": "genbench.records.result",
    "genbench.result_store": "genbench.records.run_folder",
    "genbench.scoring": "genbench.metrics.scoring",
    "genbench.source_hash": "genbench.util.source_hash",
    "genbench.spec": "genbench.api.spec",
    "genbench.task": "genbench.records.task",
}
"""Former name -> the module that has its names now."""


class _DataModule(ModuleType):
    """`genbench.data` is a function now. The module that had the name stands in for it where a plugin imports it."""

    def __call__(self, *arguments: Any, **settings: Any) -> str:
        name: str = importlib.import_module("genbench.library.own_arrays").data(*arguments, **settings)
        return name


class _FormerNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Asked last, when no finder knows a module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in FORMER_NAMES else None

    def exec_module(self, module: ModuleType) -> None:
        now = FORMER_NAMES[module.__name__]
        warnings.warn(
            f"{module.__name__} is now {now}; docs/public-api.md lists what plugins may import",
            DeprecationWarning,
            stacklevel=2,
        )
        there = importlib.import_module(now)
        names = {name: value for name, value in vars(there).items() if not name.startswith("__")}
        module.__dict__.update(names)
        # names that the new module loads when they are first used
        module.__dict__["__getattr__"] = lambda name: getattr(there, name)
        if module.__name__ == "genbench.data":
            module.__class__ = _DataModule


def keep_former_names() -> None:
    """Let the former names be imported. Calling it again changes nothing."""
    if not any(isinstance(finder, _FormerNames) for finder in sys.meta_path):
        sys.meta_path.append(_FormerNames())
