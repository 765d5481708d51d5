"""What the stages of a job have in common: a task, an outcome to which they add, and phases that they report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import msgspec

from genbench.records.task import Observer, Outcome, Phase, Task


class Stage(ABC):
    """A part of a job that runs in one process: a sequence of phases, which write what they find into `outcome`."""

    def __init__(self, task: Task, observer: Observer) -> None:
        self.task = task
        self.job = task.job
        self.observer = observer
        self.outcome = Outcome() if task.stage is None else task.stage.so_far
        self.phase: Phase = "load"

    @abstractmethod
    def run(self) -> None:
        """Run the stage. It raises what a plugin raises; `phase` is then the phase in which that happened."""

    @property
    def folder(self) -> Path:
        """The folder of the files that the stages of a job pass on."""
        assert self.task.stage is not None
        return Path(self.task.stage.folder)

    def enter(self, phase: Phase) -> None:
        self.phase = phase
        self.observer.phase(phase)

    def add_cost(self, **changes: object) -> None:
        self.outcome.cost = msgspec.structs.replace(self.outcome.cost, **changes)

    def report(self) -> None:
        """Send what is known so far, so that a job that is ended later keeps it."""
        self.observer.outcome(self.outcome)

    def warn(self, line: str) -> None:
        """Add a line for the reader of the record, once."""
        if line not in self.outcome.warnings:
            self.outcome.warnings.append(line)
