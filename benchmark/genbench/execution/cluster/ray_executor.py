"""The executor "ray": jobs as tasks of a Ray cluster (extra `ray`), each with a supervisor beside it.

The cluster is the one that RAY_ADDRESS names, or the one that this machine belongs to. A job asks for the CPUs of its
threads, the GPUs that it is to see, and the memory that its budget allows. Only the loss of a node is a reason to run a
job again.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from genbench.errors import GenbenchError, UsageError
from genbench.execution.cluster.node_check import differences, factories_of, node_facts
from genbench.execution.cluster.remote_job import MODULE, Answer, RemoteJob, SentJob
from genbench.execution.interrupts import raise_if_swallowed
from genbench.execution.local_executor import LocalExecutor
from genbench.execution.task_source import TaskList, TaskSource
from genbench.records.job import Job
from genbench.records.result import Result
from genbench.records.task import Message, Outcome, Task
from genbench.util.usable_cores import usable_cores

MAX_LOST_NODES = 3
"""How often a job is run again because its node was lost."""
_POLL_SECONDS = 0.5
_REACH_SECONDS = 5.0
_NODE_SECONDS = 60.0
"""How long a node may take for its answer before the first job."""
_NODE_LOSS_SECONDS = 15.0
"""How long Ray takes at most to notice that a node is lost, of which only a worker was seen to end."""
_ENVIRONMENT = {"env_vars": {"RAY_worker_niceness": "0"}}
"""The environment of a task. Ray gives its workers the niceness 15. Beside a process that keeps the core busy, such a
job gets about 3 % of it (36 of 1060 parts, as Linux weighs them), and the two seconds of work for a start take a
minute; on one machine jobs have the niceness of the command."""


def obstacle() -> str | None:
    """Why this machine cannot use the executor; None where it can."""
    if importlib.util.find_spec("ray") is None:
        return 'executor ray needs Ray, which is not installed: pip install "genbench[ray]"'
    return None


class RayExecutor:
    """Runs up to `workers` jobs at once on the nodes of a cluster."""

    def __init__(self, workers: int) -> None:
        """Raises UsageError if no cluster can be reached."""
        self.workers = workers
        self._ray: Any = importlib.import_module("ray")
        self._connect()

    def execute(
        self,
        tasks: Sequence[Task],
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """See `genbench.execution.executor.Executor`."""
        return self.execute_from(TaskList(tasks), log_path, on_message)

    def execute_from(
        self,
        source: TaskSource,
        log_path: Callable[[Job], Path],
        on_message: Callable[[Job, Message], None],
    ) -> Iterator[Result]:
        """As `execute`. Raises UsageError if a node lacks something, or no node has the resources of a job."""
        waiting = self._take(source, self.workers)
        if waiting and waiting[0].rescoring is not None:
            # the stored samples are here
            local = LocalExecutor(min(self.workers, usable_cores()))
            yield from local.execute_from(_Chained(waiting, source), log_path, on_message)
            return
        here = node_facts(factories_of(waiting))
        running: dict[Any, _Running] = {}
        try:
            if waiting:
                self._check_nodes(waiting, log_path)
            while True:
                raise_if_swallowed()
                waiting += self._take(source, self.workers - len(running) - len(waiting))
                for task in waiting:
                    sent = _Running(SentJob(task, log_path(task.job), here), self._alive())
                    running[self._submit(sent.job)] = sent
                waiting = []
                if not running:
                    break
                done, _ = self._ray.wait(list(running), num_returns=1, timeout=_POLL_SECONDS)
                for reference in done:
                    sent = running.pop(reference)
                    result = self._collect(reference, sent, on_message)
                    if result is None:
                        again = _Running(
                            SentJob(sent.job.task, log_path(sent.job.task.job), here), self._alive()
                        )
                        again.losses = sent.losses
                        running[self._submit(again.job)] = again
                    else:
                        yield result
        finally:
            for reference, sent in running.items():
                sent.job.give_up()
                self._ray.cancel(reference, force=True)

    def _connect(self) -> None:
        if self._ray.is_initialized():
            return
        address = os.environ.get("RAY_ADDRESS", "auto")
        unreachable = UsageError(
            f"no Ray cluster can be reached at {address}: start one with `ray start --head`, or name one in RAY_ADDRESS"
            if address != "auto"
            else "no Ray cluster runs here: start one with `ray start --head`, or name one in RAY_ADDRESS"
        )
        host, colon, port = address.partition(":")
        if colon and port.isdigit():  # Ray itself tries for a minute
            try:
                socket.create_connection((host, int(port)), _REACH_SECONDS).close()
            except OSError:
                raise unreachable from None
        is_main = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(
                address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False
            )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError):
            raise unreachable from None
        finally:
            if is_main:
                signal.signal(signal.SIGTERM, before)  # Ray's handler would end the run without a word

    def _take(self, source: TaskSource, number: int) -> list[Task]:
        taken: list[Task] = []
        while len(taken) < number and (task := source.take()) is not None:
            taken.append(task)
        return taken

    def _alive(self) -> dict[str, dict[str, float]]:
        """The resources of the nodes that are alive, by their id."""
        return {node["NodeID"]: node["Resources"] for node in self._ray.nodes() if node["Alive"]}

    def _check_nodes(self, tasks: list[Task], log_path: Callable[[Job], Path]) -> None:
        nodes = self._alive()
        for task in tasks:
            needs = {"CPU": float(task.job.threads), **_needs(task.job)}
            if not any(
                all(node.get(name, 0.0) >= need for name, need in needs.items()) for node in nodes.values()
            ):
                words = ", ".join(_words(name, need) for name, need in needs.items())
                most = ", ".join(
                    _words(name, max(n.get(name, 0.0) for n in nodes.values())) for name in needs
                )
                raise UsageError(
                    f"no node of the Ray cluster has {words} for {task.job.variant}; at most {most}"
                )
        strategy = importlib.import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        wanted = factories_of(tasks)
        asked = msgspec.json.encode(RemoteJob(factories=wanted))
        references = [
            self._ray.remote(program())
            .options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=strategy(node, soft=False),
                runtime_env=_ENVIRONMENT,
            )
            .remote(MODULE, asked)
            for node in nodes
        ]
        done, late = self._ray.wait(references, num_returns=len(references), timeout=_NODE_SECONDS)
        if late:
            raise UsageError(
                f"{len(late)} of {len(references)} nodes of the Ray cluster have not answered in {_NODE_SECONDS:.0f} s"
            )
        lines = []
        for reference in done:
            try:
                answer = _read(self._ray.get(reference))
            except self._ray.exceptions.RayTaskError as error:
                raise GenbenchError(f"a task of Ray failed: {str(error).strip().splitlines()[-1]}") from None
            except self._ray.exceptions.RayError:  # the node is lost, which Ray had not noticed yet
                continue
            facts = node_facts(wanted)
            # another node may have answered much earlier than it was read: only a clock that is ahead of now is ahead
            lines += differences(facts, answer.facts)
        if lines:
            raise UsageError("\n".join(dict.fromkeys(lines)))

    def _submit(self, job: SentJob) -> Any:
        task = job.task
        needs = _needs(task.job)
        remote = self._ray.remote(program()).options(
            num_cpus=task.job.threads,
            num_gpus=needs.get("GPU", 0),
            memory=int(needs["memory"]) if "memory" in needs else None,
            max_retries=0,
            runtime_env=_ENVIRONMENT,
            name=f"genbench {task.job.variant}",
        )
        return remote.remote(MODULE, msgspec.json.encode(job.request))

    def _collect(
        self, reference: Any, sent: _Running, on_message: Callable[[Job, Message], None]
    ) -> Result | None:
        """The result; None if the job's node was lost and the job is to be run again."""
        job = sent.job.task.job
        errors = self._ray.exceptions
        try:
            answer = _read(self._ray.get(reference))
        except errors.OutOfMemoryError:
            sent.job.give_up()
            return Outcome(status="oom", reason="Ray ended the job: its node ran out of memory").result(job)
        except errors.RayTaskError as error:
            raise GenbenchError(f"a task of Ray failed: {str(error).strip().splitlines()[-1]}") from None
        except errors.RayError as error:
            sent.job.give_up()
            if not (isinstance(error, errors.NodeDiedError) or self._has_lost_a_node(sent.nodes)):
                words = str(error).strip().splitlines()[0]
                return Outcome(status="killed", reason=f"Ray ended the job: {words}").result(job)
            sent.losses += 1
            if sent.losses > MAX_LOST_NODES:
                return Outcome(status="killed", reason=f"its node was lost {sent.losses} times").result(job)
            return None
        if answer.refused:
            raise UsageError("\n".join(answer.refused))
        for message in answer.messages:
            on_message(job, message)
        result = sent.job.take(answer)
        if result is None:
            raise GenbenchError(f"node {answer.facts.host} has returned no result of {job.variant}")
        return result

    def _has_lost_a_node(self, nodes: dict[str, dict[str, float]]) -> bool:
        deadline = time.monotonic() + _NODE_LOSS_SECONDS
        while time.monotonic() < deadline:
            if nodes.keys() - self._alive().keys():
                return True
            time.sleep(_POLL_SECONDS)
        return False


class _Running:
    """A job on its way, and the nodes that were alive when it was sent."""

    def __init__(self, job: SentJob, nodes: dict[str, dict[str, float]]) -> None:
        self.job, self.nodes, self.losses = job, nodes, 0


class _Chained:
    """Some tasks, and then those of a source."""

    def __init__(self, first: list[Task], source: TaskSource) -> None:
        self._first, self._source = TaskList(first), source

    def take(self) -> Task | None:
        return self._first.take() or self._source.take()


def program() -> Callable[[str, bytes], tuple[int, bytes, str]]:
    """The function that a worker of the cluster calls. It is sent by value, so that a node without genbench can say
    that it has none."""

    def run(module: str, request: bytes) -> tuple[int, bytes, str]:
        import os
        import socket
        import subprocess
        import sys

        command = [sys.executable, "-m", module, str(os.getpid())]
        done = subprocess.run(command, input=request, capture_output=True, check=False)
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return done.returncode, done.stdout, f"node {socket.gethostname()}: {''.join(words)}"

    return run


def _read(returned: tuple[int, bytes, str]) -> Answer:
    code, output, words = returned
    if code != 0 or not output:
        if "No module named" in words:
            raise UsageError(f"{words}; install what this machine has on every node")
        raise GenbenchError(f"the supervisor of a job ended with code {code} on {words}")
    return msgspec.json.decode(output, type=Answer)


def _needs(job: Job) -> dict[str, float]:
    """What a job needs besides CPUs, as Ray's resources: GPUs, and bytes of memory where its budget has a limit."""
    found: dict[str, float] = {"GPU": float(job.gpus or 1)} if job.device == "cuda" else {}
    if job.training_budget.memory_bytes:
        found["memory"] = float(job.training_budget.memory_bytes)
    return found


def _words(name: str, amount: float) -> str:
    return f"{amount / 2**30:.1f} GiB of memory" if name == "memory" else f"{amount:g} {name}s"
