"""The ranges of the hyperparameters that Boltzmann machines share."""

from __future__ import annotations


def check_counts(**counts: int) -> None:
    """Raises ValueError for the first that is below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"{name}={count}: expected at least 1")


def check_optimiser(*, learning_rate: float, momentum: float, weight_decay: float) -> None:
    """Raises ValueError for the first that is out of range."""
    if learning_rate <= 0:
        raise ValueError(f"learning_rate={learning_rate:g}: expected more than 0")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum={momentum:g}: expected at least 0 and less than 1")
    if weight_decay < 0:
        raise ValueError(f"weight_decay={weight_decay:g}: expected at least 0")
