"""Ctrl-C is deferred while a step must not be interrupted, and never reaches the fork server."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs import make_task

from genbench.execution import interrupts
from genbench.execution import local_executor as local
from genbench.execution.interrupts import deferred_interrupts
from genbench.execution.supervisor import Supervised
from genbench.records.job import Job
from genbench.records.task import Message


@pytest.fixture(autouse=True)
def _pytests_own_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    """To this thread: what is sent to the process may be taken by another, and arrive later."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_an_interrupt_is_raised_when_the_step_is_complete() -> None:
    done: list[bool] = []

    def step() -> None:
        with deferred_interrupts():
            interrupt()
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_another_thread_received_waits_too() -> None:
    """The system picks any thread that does not block the signal; Python then interrupts the main one."""
    done: list[bool] = []

    def step() -> None:
        with deferred_interrupts():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # as it is in a thread from before
            interrupt()
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done


def test_nothing_is_raised_if_nothing_was_sent() -> None:
    with deferred_interrupts():
        pass
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_an_error_inside_is_not_hidden() -> None:
    with pytest.raises(ValueError, match="inside"), deferred_interrupts():
        raise ValueError("inside")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_process_started_inside_does_not_get_it() -> None:
    script = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set()))"
    with deferred_interrupts():
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_another_thread_may_use_it() -> None:
    seen: list[bool] = []

    def work() -> None:
        with deferred_interrupts():
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]


def test_deferring_may_be_nested() -> None:
    done: list[str] = []

    def step() -> None:
        with deferred_interrupts():
            with deferred_interrupts():
                interrupt()
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == ["inner", "outer"]


def test_a_worker_drops_interrupts_from_before_it_accepts_them() -> None:
    script = """
import os, signal
from genbench.execution.interrupts import accept_interrupts
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
os.kill(os.getpid(), signal.SIGINT)
accept_interrupts()
try:
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
except KeyboardInterrupt:
    print("once")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "once\n"


def test_an_interrupt_while_a_child_is_started_leaves_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(Supervised):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            started.append(self)
            interrupt()

    started: list[Interrupted] = []
    monkeypatch.setattr(local, "Supervised", Interrupted)
    task = make_task("Hangs", tmp_path, budget="60s")
    with pytest.raises(KeyboardInterrupt):
        list(local.LocalExecutor(1).execute([task], lambda _: tmp_path / "log.txt", lambda *_: None))
    assert len(started) == 1
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("stage", ["sample", "score"])
def test_an_interrupt_ends_the_processes_of_later_stages(stage: str, tmp_path: Path) -> None:
    """Each stage has a process of its own: the one that samples, and the one that scores."""
    phases: list[str] = []

    def on_message(job: Job, message: Message) -> None:
        if message.kind == "phase":
            phases.append(message.phase)
            if message.phase == stage:
                interrupt()

    task = make_task("Good", tmp_path, budget="20steps")
    with pytest.raises(KeyboardInterrupt):
        list(local.LocalExecutor(1).execute([task], lambda _: tmp_path / "log.txt", on_message))
    assert phases[-1] == stage
    assert multiprocessing.active_children() == []
    assert not list(tmp_path.rglob("stages-*"))


def test_an_interrupt_that_a_library_drops_ends_the_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(interrupts, "_was_interrupted", False)
    before = {number: signal.getsignal(number) for number in interrupts.INTERRUPTS}
    try:
        interrupts.end_as_ctrl_c_does()
        with contextlib.suppress(KeyboardInterrupt):
            interrupt()
        results = local.LocalExecutor(1).execute([], lambda job: tmp_path, lambda job, message: None)
        with pytest.raises(KeyboardInterrupt):
            next(iter(results), None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
