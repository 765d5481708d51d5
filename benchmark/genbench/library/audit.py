"""`genbench.audit`: is a function that claims to be a log-likelihood one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genbench.api.data import Dataset
from genbench.datasets.prepared import load_dataset
from genbench.plugin.discovery import load_registry
from genbench.testing.audit import ANNEALING_SECONDS
from genbench.testing.audit_functions import Function, FunctionAudit, audit_functions

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def audit(
    log_prob: Function,
    data: str | Dataset,
    sample: Function | NDArray[Any] | Tensor | None = None,
    *,
    takes_numpy: bool = False,
    seed: int = 0,
    annealing_seconds: float = ANNEALING_SECONDS,
) -> FunctionAudit:
    """`genbench.testing.audit_functions` with a data set by its name ("digits", "csv:PATH", or what `genbench.data`
    returns)."""
    dataset = data
    if isinstance(dataset, str):
        dataset = load_dataset(load_registry().dataset(dataset))
    return audit_functions(
        log_prob, dataset, sample, takes_numpy=takes_numpy, seed=seed, annealing_seconds=annealing_seconds
    )
