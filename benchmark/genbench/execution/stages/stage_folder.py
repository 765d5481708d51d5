"""The folder of the files by which the stages of a job pass states and samples on."""

from __future__ import annotations

import uuid
from pathlib import Path

from genbench.records.attempts import WORK_FOLDER
from genbench.records.task import Task


def new_stage_folder(task: Task) -> Path:
    """A path that no other process uses, in the job's work folder; nothing is made. Two runs may run one job at a
    time. Whoever runs the stages removes the folder, and after a kill the work folder goes when the job's result is
    stored."""
    return Path(task.samples_path).parent / WORK_FOLDER / f"stages-{uuid.uuid4().hex}"
