"""The exit codes of the command line, those of plugins' commands included."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with. If several apply to a comparison, a regression comes before a failed job."""

    OK = 0
    """All went well."""
    REGRESSION = 1
    """A comparison found a change for the worse."""
    JOB_FAILED = 2
    """Some jobs, data sets or checks failed; the others are done."""
    NOTHING_RAN = 3
    """There was nothing to run, to score or to compare."""
    USAGE = 4
    """The command cannot be carried out as it was asked."""
    UNDECIDED = 5
    """A verdict cannot be given: the difference is within what seeds vary."""
    INTERRUPTED = 130
    """Ctrl-C, or the reader of a run's output went away."""
