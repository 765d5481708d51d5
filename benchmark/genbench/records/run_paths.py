"""Where the files of a run lie. A run folder may come from a stranger."""

from __future__ import annotations

from pathlib import Path

JOBS_FOLDER = "jobs"
MAX_LOG_BYTES = 2**32
"""Only the end of a log is read."""


def run_folder_of(path: Path) -> Path:
    """The folder of the run that a file or folder of one of its jobs belongs to; the one around it where it is in
    none."""
    return next((parent.parent for parent in path.parents if parent.name == JOBS_FOLDER), path.parent)
