"""Metrics: how far a model's samples are from real data.

Each family is a file of plain functions on arrays of features, in two named steps (features to
statistics, statistics to metric), with the factory that scores a job. The same metrics as torchmetrics
classes, for training loops of your own, are loaded when they are first used: torchmetrics takes seconds
to import, and workers need only the functions.

    from genbench.metrics import FrechetDistance
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.metrics.class_balance_module import ClassBalance
    from genbench.metrics.modules import (
        FrechetDistance,
        KernelDistance,
        PrecisionRecallDensityCoverage,
        SlicedWasserstein,
    )

__all__ = [
    "ClassBalance",
    "FrechetDistance",
    "KernelDistance",
    "PrecisionRecallDensityCoverage",
    "SlicedWasserstein",
]


def __getattr__(name: str) -> Any:
    if name == "ClassBalance":
        from genbench.metrics import class_balance_module

        return class_balance_module.ClassBalance
    if name in __all__:
        from genbench.metrics import modules

        return getattr(modules, name)
    raise AttributeError(f"module 'genbench.metrics' has no attribute {name!r}")
