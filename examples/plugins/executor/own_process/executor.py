"""Each job in a Python process of its own, which reads a task and writes an outcome, both as JSON."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import msgspec

from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Outcome, Task

COMMAND = (sys.executable, "-m", "own_process.work")
"""What runs a task. On a cluster: ("srun", "python", "-m", "own_process.work"), with a folder that all nodes see."""


class OwnProcess:
    """Runs up to `workers` jobs at once, and ends those that take more than an hour."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.running: set[subprocess.Popen[bytes]] = set()

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """A generator of results. The harness closes it when it stops reading, which ends what still runs."""
        pool = ThreadPoolExecutor(self.workers)
        try:
            waiting = [pool.submit(self.run, task, log_path(task.job)) for task in tasks]
            for done in as_completed(waiting):
                yield done.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(self.running):
                process.kill()

    def run(self, task: Task, log: Path) -> Result:
        """One job. What fails is a status and a reason, never an exception."""
        with tempfile.TemporaryDirectory() as name, log.open("ab") as output:
            asked, answered = Path(name, "task.json"), Path(name, "outcome.json")
            asked.write_bytes(msgspec.json.encode(task))
            process = subprocess.Popen(
                [*COMMAND, str(asked), str(answered)], stdout=output, stderr=subprocess.STDOUT
            )
            self.running.add(process)
            try:
                process.wait(timeout=3600)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return Outcome(status="timeout", reason="took more than an hour").result(task.job)
            finally:
                self.running.discard(process)
            if not answered.exists():
                reason = f"the process ended with code {process.returncode}"
                return Outcome(status="killed", reason=reason).result(task.job)
            return msgspec.json.decode(answered.read_bytes(), type=Outcome).result(task.job)
