"""The exceptions that genbench raises deliberately.

    GenbenchError                 its text is written for the user: one or two lines, shown without a traceback
    ├── UsageError                the command cannot be carried out as given (exit code 4)
    │   ├── UnknownNameError      no model, data set, metric or suite has that name
    │   ├── BudgetError           a budget cannot be read
    │   └── RunFolderError        a run folder cannot be read or written
    ├── PluginError               a plugin broke its contract
    ├── DataError                 a data set cannot be obtained, or is not what its card says
    ├── FeatureError              a feature extractor cannot be obtained, or is not the recorded one
    ├── UnsupportedMask           a model cannot fill in what a mask leaves out
    ├── Diverged                  training or sampling gave values that are not finite
    ├── SamplingTimeout           the sampling budget ran out
    └── LikelihoodUnavailable     a likelihood cannot be computed for this model

Any other exception that reaches the top is a bug in genbench, and is shown with its traceback.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable

_SIMILARITY = 0.65
"""How alike two names are, 0 to 1, before one is offered for the other. "vea" and "vae" have 0.67; at 0.6, "noise" was
offered for "nonsense"."""


class GenbenchError(Exception):
    """Base class. The message is written for the user."""


class UsageError(GenbenchError):
    """The command cannot be carried out as given."""


class UnknownNameError(UsageError):
    """No `kind` has the name `name`. The message suggests the nearest known name, or says which name it has now."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, now: str | None = None) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        hint = _hint(kind, name, self.known) if now is None else f": it is called {now!r} now"
        super().__init__(f"unknown {kind} {name!r}{hint}")


class BudgetError(UsageError):
    """A budget that cannot be read."""


class RunFolderError(UsageError):
    """A run folder that cannot be read or written."""


class PluginError(GenbenchError):
    """A plugin broke its contract."""


class DataError(GenbenchError):
    """A data set cannot be obtained, or is not what its card says."""


class FeatureError(GenbenchError):
    """A feature extractor cannot be obtained, or is not the recorded one."""


class UnsupportedMask(GenbenchError):
    """A model cannot fill in what a mask leaves out. The message says which masks the model takes."""


class Diverged(GenbenchError):
    """Training or sampling gave values that are not finite."""


class SamplingTimeout(GenbenchError):
    """The sampling budget ran out."""


class LikelihoodUnavailable(GenbenchError):
    """A likelihood cannot be computed for this model, though the model broke no contract."""


def _hint(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILARITY)
    if near:
        return f"; did you mean {near[0]!r}?"
    if len(known) <= 12:
        return f"; known: {', '.join(known) or 'none'}"
    return f"; see `genai-bench list {kind.replace(' ', '')}s`"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that the machine or a device ran out of memory. torch is not imported for this: where it
    was never imported, it cannot have raised the error."""
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    # the CPU allocator raises a plain RuntimeError
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
