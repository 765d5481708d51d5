"""Search spaces: the values of its hyperparameters among which `genai-bench tune` looks for a model's best ones.

A model's card has the space (`ModelCard.search_space`), so that the models of strangers are tuned like the built-in
ones. Nothing here imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

MIN_CHOICES = 2


class FloatRange(msgspec.Struct, frozen=True, tag="float"):
    """Real numbers from `low` to `high`, both included."""

    low: float
    """The least value."""
    high: float
    """The largest value."""
    log: bool = False
    """Whether the logarithm is drawn evenly in place of the value; usual for learning rates and penalties."""

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, log=self.log)


class IntRange(msgspec.Struct, frozen=True, tag="int"):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    """The least value."""
    high: int
    """The largest value."""
    log: bool = False
    """Whether the logarithm is drawn evenly in place of the value; usual for widths and sizes."""

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, log=self.log)


class Choices(msgspec.Struct, frozen=True, tag="choices"):
    """One of several values, each as likely as the others at first."""

    values: tuple[bool | int | float | str | None, ...]
    """The values, in any order, each once."""

    def __post_init__(self) -> None:
        # repr tells 1 from True and from 1.0, which are equal
        if len({repr(value) for value in self.values}) < max(MIN_CHOICES, len(self.values)):
            raise ValueError(f"choices {self.values}: expected {MIN_CHOICES} or more different values")
        for value in self.values:
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"choice {value}: expected a finite number")
            if isinstance(value, str) and (not value or "," in value or value != value.strip()):
                raise ValueError(f"choice {value!r}: a command line cannot set it")


Range = FloatRange | IntRange | Choices


def contradiction(
    space: Mapping[str, Range], defaults: Mapping[str, bool | int | float | str | None]
) -> str | None:
    """What is wrong with a search space, in one line; None where nothing is.

    defaults: the hyperparameters that the constructor takes, with their default values. A range has to be of the type
    of the default; where the default is None, any range will do.
    """
    if not space:
        return "its search space is empty"
    for name, values in space.items():
        if name not in defaults:
            takes = ", ".join(sorted(defaults)) or "no hyperparameters"
            return f"its search space has {name!r}, which the constructor does not take; it takes {takes}"
        default = defaults[name]
        if default is not None and (found := _wrong_type(values, default)) is not None:
            return (
                f"its search space has {found} for {name!r}, whose default, {default!r}, is of another type"
            )
    return None


def _wrong_type(values: Range, default: bool | int | float | str) -> str | None:
    """The range in words where it is not of the type of the default."""
    match values:
        case FloatRange():
            return None if type(default) is float else "real numbers"
        case IntRange():
            return None if type(default) is int else "whole numbers"
        case Choices(values=choices):
            wrong = [value for value in choices if type(value) is not type(default)]
            return f"the choice {wrong[0]!r}" if wrong else None


def _check_bounds(low: float, high: float, *, log: bool) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"range {low} to {high}: expected two finite numbers, the lower one first")
    if log and low <= 0:
        raise ValueError(f"range {low} to {high}: a logarithm needs numbers above 0")
