"""Metrics: how far a model's samples are from real data.

Each family is a file of plain functions on arrays of features, in two named steps (features to
statistics, statistics to metric), with the factory that scores a job. They take torch tensors and numpy
arrays. docs/metrics.md tells what each means.

    from genbench.metrics.frechet import frechet_distance

The same metrics as torchmetrics classes, for training loops of your own, are loaded when they are first
used: torchmetrics takes seconds to import, and workers need only the functions.

    from genbench.metrics import FrechetDistance
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.metrics.torchmetrics_classes import (
        AutocorrelationDifference,
        ClassBalance,
        ClassifierTwoSample,
        FrechetDistance,
        FrechetInfinity,
        JSDivergence,
        KernelDistance,
        KLDivergence,
        MarginalDifference,
        ModeCoverage,
        NeighbourTwoSample,
        PrecisionRecallDensityCoverage,
        SlicedWasserstein,
        VendiScore,
        WassersteinDistance,
    )
    from genbench.metrics.torchmetrics_memorisation import (
        Authenticity,
        DataCopyingZ,
        NearDuplicateShare,
        TrainOnSamplesNLL,
    )

_MEMORISATION = ("Authenticity", "DataCopyingZ", "NearDuplicateShare", "TrainOnSamplesNLL")
__all__ = [
    "Authenticity",
    "AutocorrelationDifference",
    "ClassBalance",
    "ClassifierTwoSample",
    "DataCopyingZ",
    "FrechetDistance",
    "FrechetInfinity",
    "JSDivergence",
    "KLDivergence",
    "KernelDistance",
    "MarginalDifference",
    "ModeCoverage",
    "NearDuplicateShare",
    "NeighbourTwoSample",
    "PrecisionRecallDensityCoverage",
    "SlicedWasserstein",
    "TrainOnSamplesNLL",
    "VendiScore",
    "WassersteinDistance",
]


def __getattr__(name: str) -> Any:
    if name in _MEMORISATION:
        from genbench.metrics import torchmetrics_memorisation as memorisation_modules

        return getattr(memorisation_modules, name)
    if name in __all__:
        from genbench.metrics import torchmetrics_classes as modules

        return getattr(modules, name)
    raise AttributeError(f"module 'genbench.metrics' has no attribute {name!r}")
