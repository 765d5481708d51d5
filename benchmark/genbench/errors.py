"""Every exception that genbench raises on purpose.

    GenbenchError                 its text is what the user reads: one or two lines, no traceback
    ├── UsageError                the command cannot be carried out as it was asked (exit code 4)
    │   ├── UnknownNameError      no model, data set, metric or suite of that name
    │   ├── BudgetError           a budget that cannot be read
    │   └── RunFolderError        a run folder that cannot be read or written
    ├── PluginError               a plugin broke its contract
    ├── DataError                 a data set could not be had or is not what it should be
    ├── FeatureError              a feature extractor could not be had or is not the recorded one
    ├── Diverged                  training or sampling gave values that are not finite
    ├── SamplingTimeout           the sampling budget ran out
    └── LikelihoodUnavailable     a likelihood that this model cannot be given, with the reason

Anything else that reaches the top is a bug of ours, and shows its traceback.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable


class GenbenchError(Exception):
    """Base class; the message is meant for the user."""


class UsageError(GenbenchError):
    """The command cannot be carried out as it was asked."""


class UnknownNameError(UsageError):
    """No `kind` is called `name`; the message offers the nearest known name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"unknown {kind} {name!r}{_hint(kind, name, self.known)}")


class BudgetError(UsageError):
    """A budget that cannot be read."""


class RunFolderError(UsageError):
    """A run folder that cannot be read or written."""


class PluginError(GenbenchError):
    """A plugin broke its contract."""


class DataError(GenbenchError):
    """A data set could not be had, or is not what it should be."""


class FeatureError(GenbenchError):
    """A feature extractor could not be had, or is not the recorded one."""


class UnsupportedMask(GenbenchError):
    """A model cannot fill in what such a mask leaves out; the message says which masks it can."""


class Diverged(GenbenchError):
    """Training or sampling gave values that are not finite."""


class SamplingTimeout(GenbenchError):
    """The sampling budget ran out."""


class LikelihoodUnavailable(GenbenchError):
    """A likelihood that this model cannot be given, though it broke no contract."""


def _hint(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    if len(known) <= 12:
        return f"; known: {', '.join(known) or 'none'}"
    return f"; see `genai-bench list {kind.replace(' ', '')}s`"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the machine or of a device. This module stays free of torch: where torch was never
    imported, none of its errors can have been raised."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    # the CPU allocator raises a plain RuntimeError
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
