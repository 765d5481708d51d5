"""genbench: a benchmark of generative models under equal compute budgets.

What a plugin needs is here. Names that need torch are loaded when they are first used, so that a plugin
can announce its cards (`from genbench import ModelCard, hookimpl`) without importing torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from genbench.budget import Budget
from genbench.cards import (
    DatasetCard,
    DatasetSourceCard,
    ExecutorCard,
    ExtractorCard,
    LoggerCard,
    MetricCard,
    ModelCard,
    RemoteFile,
    ReportCard,
)
from genbench.hookspecs import hookimpl
from genbench.spec import DataSpec

if TYPE_CHECKING:
    from genbench.compute_meter import ComputeMeter
    from genbench.data import Batch, Dataset, Split, Truth
    from genbench.model import GenerativeModel
    from genbench.result import MetricValue
    from genbench.scoring import ScoringInputs

_NEEDS_TORCH = {
    "Batch": "genbench.data",
    "ComputeMeter": "genbench.compute_meter",
    "Dataset": "genbench.data",
    "GenerativeModel": "genbench.model",
    "MetricValue": "genbench.result",
    "ScoringInputs": "genbench.scoring",
    "Split": "genbench.data",
    "Truth": "genbench.data",
}

__all__ = [
    "Batch",
    "Budget",
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
    "Truth",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(importlib.import_module(_NEEDS_TORCH[name]), name)
    raise AttributeError(f"module 'genbench' has no attribute {name!r}")
