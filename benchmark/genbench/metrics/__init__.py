"""Metrics: how far a model's samples are from real data.

Each family of metrics is a file: plain functions on arrays of features, in two named steps (features to statistics,
statistics to metric), and the factory that scores a job. The functions take torch tensors and numpy arrays.
docs/metrics.md explains what each metric means.

    from genbench.metrics.frechet import frechet_distance

For training loops of your own there are torchmetrics classes of the metrics. They are loaded when they are first used,
since torchmetrics takes seconds to import and workers need only the functions.

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
        from genbench.metrics import torchmetrics_memorisation

        return getattr(torchmetrics_memorisation, name)
    if name in __all__:
        from genbench.metrics import torchmetrics_classes

        return getattr(torchmetrics_classes, name)
    raise AttributeError(f"module 'genbench.metrics' has no attribute {name!r}")
