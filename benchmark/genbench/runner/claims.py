"""The jobs of a run that this process is to run, each under a lease, so that processes that share the folder run each
job once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from genbench.errors import GenbenchError, RunFolderError
from genbench.execution.task_source import TaskSource
from genbench.records.attempts import Attempt
from genbench.records.job import Job
from genbench.records.run_folder import Run
from genbench.records.task import Task
from genbench.util.leases import Holder, Leases

_LOOK_SECONDS = 1.0
"""How often it is looked for jobs that other processes have given back."""
_MAX_LOOKS = 50
"""How many jobs of others are looked at each time, since a look takes milliseconds on a network file system."""


class Claims(TaskSource):
    """Hands out a task for each job that no other process works on, and whose work is still to be done.

    leases: those of the run folder. jobs: in the order in which they are wanted. make_task: the task of a job, called
    when its lease is held; a GenbenchError that it raises is passed to `on_refused`, and the job is left out.
    is_done: whether the work was done by another process. on_elsewhere: called with each job for which it was.
    """

    def __init__(
        self,
        run: Run,
        jobs: Sequence[Job],
        leases: Leases,
        make_task: Callable[[Job, Attempt], Task],
        is_done: Callable[[Job], bool],
        *,
        on_elsewhere: Callable[[Job], None] = lambda job: None,
        on_refused: Callable[[Job, GenbenchError], None] | None = None,
    ) -> None:
        self._run, self._leases = run, leases
        self._make_task, self._is_done = make_task, is_done
        self._on_elsewhere, self._on_refused = on_elsewhere, on_refused
        self._fresh = {job.id: job for job in reversed(jobs)}  # popped from the end
        self._others: dict[str, Job] = {}
        self._found: list[Task] = []
        self._next_look = 0.0
        self.attempts: dict[str, Attempt] = {}
        """The attempts that this process is making, by the id of their job."""

    @property
    def elsewhere(self) -> list[tuple[Job, Holder | None]]:
        """The jobs that other processes work on, with who does where that is known."""
        return [(job, self._leases.holder(job.id)) for job in self._others.values()]

    def take(self) -> Task | None:
        """The next task; None if other processes work on all that are left, or none are."""
        if self._found:
            return self._found.pop()
        latest: dict[str, int] | None = None
        while self._fresh:
            if latest is None:
                latest = self._leases.latest()
            _, job = self._fresh.popitem()
            if (task := self._claimed(job, latest)) is not None:
                return task
        if self._others and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_SECONDS
            latest = self._leases.latest()
            for job in list(self._others.values())[:_MAX_LOOKS]:
                del self._others[job.id]  # back at the end, where it stays another's
                if (task := self._claimed(job, latest)) is not None:
                    return task
        return None

    def end(self, job: Job, *, is_done: bool = True) -> None:
        """This process has ended its work on a job. is_done: and everybody can see the result."""
        self.attempts.pop(job.id, None)
        self._leases.give_back(job.id, is_done=is_done)

    def wait(self) -> bool:
        """Wait until a job that another process worked on is free, and return True; False once none is left."""
        while self._others and not self._found:
            if (task := self.take()) is not None:
                self._found.append(task)
                break
            time.sleep(0.1)
        return bool(self._found)

    def _claimed(self, job: Job, latest: dict[str, int]) -> Task | None:
        """The task of a job if its lease could be taken and it is still to be done."""
        if job.id not in latest and self._is_done(job):
            self._on_elsewhere(job)
            return None
        try:
            is_mine = self._leases.take(job.id, latest)
        except OSError as error:
            raise RunFolderError(f"cannot take a lease in {self._leases.folder}: {error.strerror}") from None
        if not is_mine:
            self._others[job.id] = job
            return None
        if self._is_done(job):  # it was published before its lease was given back
            self._leases.give_back(job.id, is_done=True)
            self._on_elsewhere(job)
            return None
        self._run.clear_the_way(job)
        attempt = Attempt.new(self._run.job_folder(job))
        try:
            task = self._make_task(job, attempt)
        except GenbenchError as error:
            self._leases.give_back(job.id, is_done=True)
            if self._on_refused is None:
                raise
            self._on_refused(job, error)
            return None
        self.attempts[job.id] = attempt
        return task
