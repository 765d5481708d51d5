"""Several runs read as one, so that every report format can show them together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from genbench.records.hardware import hardware_class
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.run_folder import Run


class JoinedRuns(Run):
    """The results of all runs. A job that several runs have counts once, with the result of the first of them: one seed
    run twice is not two seeds."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = tuple(runs)
        first = self.runs[0]
        homes: dict[str, Run] = {}
        jobs: dict[str, Job] = {}
        refused: dict[str, Result] = {}
        self.repeated = 0
        """How many results are left out because an earlier run has the job."""
        for run in self.runs:
            for job in run.plan.jobs:
                jobs.setdefault(job.id, job)
                if run.result(job) is not None:
                    self.repeated += job.id in homes
                    homes.setdefault(job.id, run)
            for result in run.plan.refused:
                refused.setdefault(result.id, result)
        self._homes = homes
        suites = dict.fromkeys(run.plan.suite for run in self.runs)
        plan = msgspec.structs.replace(
            first.plan,
            suite=" + ".join(suites),
            jobs=list(jobs.values()),
            refused=list(refused.values()),
            datasets={name: card for run in reversed(self.runs) for name, card in run.plan.datasets.items()},
        )
        super().__init__(first.folder, plan)

    def by_hardware(self) -> list[Result] | None:
        """All results, where the runs come from several classes of hardware: a job that was run on two of them has two.
        None where there is one class."""
        found: dict[tuple[str, str], Result] = {}
        for run in self.runs:
            for job in run.plan.jobs:
                if (result := run.result(job)) is not None:
                    found.setdefault((job.id, hardware_class(result)), result)
        if len({hardware for _, hardware in found}) < 2:
            return None
        places = {job.id: place for place, job in enumerate(self.plan.jobs)}
        return [*sorted(found.values(), key=lambda result: places[result.id]), *self.plan.refused]

    def result(self, job: Job) -> Result | None:
        """That of the run that has it."""
        home = self._homes.get(job.id)
        return None if home is None else home.result(job)

    def job_folder(self, job: Job) -> Path:
        """In the run that has the job's result; in the first run where none has."""
        return self._homes.get(job.id, self.runs[0]).job_folder(job)


def runs_of(run: Run) -> tuple[Run, ...]:
    """The runs that were joined, or the run itself."""
    return run.runs if isinstance(run, JoinedRuns) else (run,)
