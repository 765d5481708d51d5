"""Checks that hyperparameters are within their ranges; the error names the first that is not."""

from __future__ import annotations


def at_least(least: int, **values: int) -> None:
    """Raises ValueError for the first of the values, by name, that is smaller."""
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name}={value}: expected {least} or more")


def positive(**values: float) -> None:
    """Raises ValueError for the first that is not above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}={value}: expected more than 0")


def shares(**values: float) -> None:
    """Raises ValueError for the first that is not in [0, 1)."""
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name}={value}: expected at least 0 and less than 1")


def one_of(known: tuple[str, ...], **values: str) -> None:
    """Raises ValueError for the first that is not among the known ones."""
    for name, value in values.items():
        if value not in known:
            raise ValueError(f"{name}={value}: expected {', '.join(known[:-1])} or {known[-1]}")
