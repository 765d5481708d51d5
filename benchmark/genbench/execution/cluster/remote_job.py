"""A job as data, and the program that runs it on another machine: `python -m genbench.execution.cluster.remote_job`.

The program is the supervisor beside the job: limits, statuses and isolation are those of the executor "local", whose
code it is. It works in a folder of its machine, and passes the files on when the job has ended: into the run folder if
this machine sees it, else inside the answer. Whether it does is told by a token, a small file with random text that was
written before. The token is removed when the job is given up, so that a machine that was lost and finishes all the same
overwrites nothing.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import msgspec

from genbench.execution.cluster.node_check import NodeFacts, differences, factories_of, node_facts
from genbench.execution.local_executor import LocalExecutor
from genbench.execution.orphans import PR_SET_PDEATHSIG
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Task
from genbench.util.usable_cores import usable_cores

MODULE = "genbench.execution.cluster.remote_job"
"""What `python -m` runs on the other machine."""


class RemoteJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the program reads."""

    task: Task | None = None
    """What to run; None: only the facts are asked for."""
    log_name: str = ""
    """The name of the file for the job's output."""
    token: str = ""
    """The text of the token."""
    token_path: str = ""
    """The file of the token, in the folder of the job's attempt."""
    factories: list[str] = []
    """The models and data sets whose versions are asked for."""
    here: NodeFacts | None = None
    """What the machine that asks has; the job is refused where the other one has something else."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the program writes."""

    facts: NodeFacts
    """The facts of the machine."""
    refused: list[str] = []
    """Why the job was not run, a line each."""
    is_shared: bool = False
    """Whether the machine sees the run folder."""
    result: Result | None = None
    """The result of the job."""
    messages: list[Message] = []
    """The phases of the job and what was known last, for those who follow the run."""
    files: dict[str, bytes] = {}
    """The files of the job by name, if the machine does not see the run folder."""


class SentJob:
    """One job that was sent away, with its token in the folder of the attempt."""

    def __init__(self, task: Task, log_path: Path, here: NodeFacts) -> None:
        self.task = task
        self.folder = Path(task.samples_path).parent
        self.folder.mkdir(parents=True, exist_ok=True)
        text = secrets.token_hex(16)
        self._token = self.folder / f".token-{text[:8]}"
        self._token.write_text(text, encoding="ascii")
        self.request = RemoteJob(
            task=task,
            log_name=log_path.name,
            token=text,
            token_path=str(self._token),
            factories=factories_of([task]),
            here=msgspec.structs.replace(here, sources=node_facts(factories_of([task])).sources),
        )

    def give_up(self) -> None:
        """Whoever still works on the job must not write its files any more."""
        self._token.unlink(missing_ok=True)

    def take(self, answer: Answer) -> Result | None:
        """The result, once the files that were sent back are in place; None where the job was refused."""
        self.give_up()
        for name, content in answer.files.items():
            (self.folder / Path(name).name).write_bytes(content)
        return answer.result


def run_here(request: RemoteJob) -> Answer:
    """Run the job on this machine, as one of as many as its cores allow."""
    facts = node_facts(request.factories)
    is_shared = _sees_folder(request)
    if request.task is None:
        return Answer(facts=facts, is_shared=is_shared)
    # the clock was compared before the first job, and this one may have waited
    here = None if request.here is None else msgspec.structs.replace(request.here, seconds=facts.seconds)
    if here is not None and (refused := differences(here, facts)):
        return Answer(facts=facts, is_shared=is_shared, refused=refused)
    told: list[Message] = []

    def on_message(job: Job, message: Message) -> None:
        if message.kind == "phase":
            told.append(message)
        elif message.kind == "outcome":
            told[:] = [*(one for one in told if one.kind == "phase"), message]

    with tempfile.TemporaryDirectory(prefix="genbench-job-", ignore_cleanup_errors=True) as name:
        scratch, target = Path(name), Path(request.task.samples_path).parent
        samples = scratch / Path(request.task.samples_path).name
        task = msgspec.structs.replace(request.task, samples_path=str(samples))
        executor = LocalExecutor(max(1, usable_cores() // task.job.threads))
        [result] = executor.execute([task], lambda job: scratch / request.log_name, on_message)
        files = [path for path in sorted(scratch.iterdir()) if path.is_file() and not path.is_symlink()]
        sent: dict[str, bytes] = {}
        is_shared = _sees_folder(request)
        for path in files:
            if is_shared:
                part = target / f"{path.name}.part"
                shutil.copyfile(path, part)
                part.replace(target / path.name)
            else:
                sent[path.name] = path.read_bytes()
    return Answer(facts=facts, is_shared=is_shared, result=result, messages=told, files=sent)


def _sees_folder(request: RemoteJob) -> bool:
    try:
        return bool(request.token) and Path(request.token_path).read_text("ascii") == request.token
    except (OSError, ValueError):
        return False


def end_with_parent(parent: int) -> None:
    """Have the system end this process when the process that started it ends, by whatever cause."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def main() -> None:
    """Read a `RemoteJob` as JSON from the input and write an `Answer` to the output. The argument: the id of the
    process that starts it."""
    end_with_parent(int(sys.argv[1]))
    output = os.dup(1)
    os.dup2(2, 1)  # what others print must not come into the answer
    answer = run_here(msgspec.json.decode(sys.stdin.buffer.read(), type=RemoteJob))
    with os.fdopen(output, "wb") as file:
        file.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
