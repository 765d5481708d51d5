"""genbench: a benchmark of generative models under equal compute budgets.

What a plugin needs is here, and for programs and notebooks `run`, `load`, `data`, `score`, `audit` and `trained_model`.
Names that need torch are loaded when they are first used, so that a plugin can announce its cards (`from genbench
import ModelCard, hookimpl`) without importing torch.
"""

from __future__ import annotations

from genbench.early_interrupts import react_early

react_early()  # before everything else, which takes tenths of a second

# ruff: noqa: E402
import importlib
from typing import TYPE_CHECKING, Any

from genbench.api.budget import Budget
from genbench.api.cards import (
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    RemoteFile,
    ReportCard,
    SuiteCard,
)
from genbench.api.spec import DataSpec
from genbench.former_names import keep_former_names
from genbench.plugin.hookspecs import hookimpl

if TYPE_CHECKING:
    from genbench.api.compute_meter import ComputeMeter
    from genbench.api.data import Batch, Dataset, Split, Truth
    from genbench.api.model import GenerativeModel
    from genbench.library.audit import audit
    from genbench.library.comparison import Comparison
    from genbench.library.own_arrays import data
    from genbench.library.run import load, run
    from genbench.library.score import score
    from genbench.library.trained import TrainedModel, trained_model
    from genbench.metrics.scoring import ScoringInputs
    from genbench.records.result import MetricValue

_NEEDS_TORCH = {
    "Comparison": "genbench.library.comparison",
    "Batch": "genbench.api.data",
    "ComputeMeter": "genbench.api.compute_meter",
    "Dataset": "genbench.api.data",
    "GenerativeModel": "genbench.api.model",
    "MetricValue": "genbench.records.result",
    "ScoringInputs": "genbench.metrics.scoring",
    "Split": "genbench.api.data",
    "TrainedModel": "genbench.library.trained",
    "Truth": "genbench.api.data",
    "audit": "genbench.library.audit",
    "data": "genbench.library.own_arrays",
    "load": "genbench.library.run",
    "run": "genbench.library.run",
    "score": "genbench.library.score",
    "trained_model": "genbench.library.trained",
}

__all__ = [
    "Batch",
    "Budget",
    "Comparison",
    "ComputeMeter",
    "DataSpec",
    "Dataset",
    "DatasetCard",
    "DatasetSourceCard",
    "ExecutorCard",
    "ExtractorCard",
    "GenerativeModel",
    "LoggerCard",
    "MetricCard",
    "MetricValue",
    "ModelCard",
    "RemoteFile",
    "ReportCard",
    "ScoringInputs",
    "Split",
    "SuiteCard",
    "TrainedModel",
    "Truth",
    "audit",
    "data",
    "hookimpl",
    "load",
    "run",
    "score",
    "trained_model",
]


keep_former_names()


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(importlib.import_module(_NEEDS_TORCH[name]), name)
    raise AttributeError(f"module 'genbench' has no attribute {name!r}")
