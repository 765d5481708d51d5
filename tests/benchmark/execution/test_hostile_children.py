"""Whatever a worker does to its supervisor, its job ends with a result, its neighbours go on, and nothing is left."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pipe_models
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import make_task
from pipe_models import daemons

from genbench.errors import GenbenchError
from genbench.execution import limits
from genbench.execution.message_channel import MAX_MESSAGE_BYTES, MessageReader, MessageWriter
from genbench.records.result import Result
from genbench.records.task import Message, Task

Execute = Callable[..., list[Result]]


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GRACE_SECONDS", 0.5)


def hostile(model: str, folder: Path, **changes: object) -> Task:
    assert hasattr(pipe_models, model)
    return msgspec.structs.replace(make_task(model, folder, **changes), model_factory=f"pipe_models:{model}")


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        ("DiesOfANamelessSignal", "killed", "signal 40 in train"),
        ("SendsHalfAMessage", "timeout", "train took more than"),
        ("DiesInMidMessage", "killed", "SIGKILL in train"),
        ("AnnouncesTooMuch", "plugin_error", "something else than a message came from the worker in train"),
        ("NeverStopsTelling", "timeout", "train took more than"),
        ("NeverStopsPrinting", "timeout", "train took more than"),
        pytest.param(
            "AlwaysKillsTheForkServer",
            "killed",
            "the fork server was killed, 4 times in a row",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_its_job_ends_with_a_result_and_the_neighbour_with_its_own(
    execute: Execute, tmp_path: Path, model: str, status: str, reason: str
) -> None:
    tasks = (hostile(model, tmp_path, budget="1s"), make_task("Good", tmp_path))
    failed, good = sorted(execute(*tasks), key=lambda result: result.status == "ok")
    assert (failed.job.model, failed.status) == (model, status)
    assert reason in (failed.reason or "")
    assert (good.job.model, good.status) == ("Good", "ok")


def test_frames_that_are_no_messages_are_passed_over(execute: Execute, tmp_path: Path) -> None:
    (result,) = execute(hostile("SendsNoMessages", tmp_path))
    assert result.status == "ok"


def test_jobs_whose_fork_server_was_killed_run_again(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both: that which killed it, and its neighbour, which was in mid-training."""
    mark = tmp_path / "mark"
    mark.touch()
    task = hostile("KillsTheForkServer", tmp_path)
    monkeypatch.setenv("GENBENCH_TEST_MARK", str(mark))
    _end_the_fork_server()  # since it keeps the environment in which it was started
    results = execute(task, make_task("Good", tmp_path, budget="2s"))
    assert [result.status for result in results] == ["ok", "ok"]
    assert not mark.exists()
    assert "the job starts again" in (tmp_path / "jobs" / task.job.id / "log.txt").read_text()


def _end_the_fork_server() -> None:
    servers = [child for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())]
    for server in servers:
        server.kill()
    wait_for(lambda: not any(map(runs, servers)))  # and its exit status is left to multiprocessing


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
@pytest.mark.parametrize("model", ["MakesDaemons", "MakesDaemonsAndHangs"])
def test_daemons_end_with_the_job_that_made_them(execute: Execute, tmp_path: Path, model: str) -> None:
    (result,) = execute(hostile(model, tmp_path, budget="1s", hyperparameters={"tag": tmp_path.name}))
    assert result.status == ("ok" if model == "MakesDaemons" else "timeout")
    wait_for(lambda: daemons(tmp_path.name) == [], seconds=10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the proportional set size")
def test_memory_that_processes_share_is_counted_once(execute: Execute, tmp_path: Path) -> None:
    """The resident memory of the five would be well above a gigabyte."""
    (result,) = execute(hostile("SharesItsMemory", tmp_path, budget="20s,800MiB"))
    assert (result.status, result.reason) == ("ok", None)


# ---- the channel by itself


@given(st.lists(st.floats(0, 1), max_size=20), st.data())
@settings(max_examples=50)
def test_messages_come_whole_however_the_pipe_cuts_them(fractions: list[float], data: st.DataObject) -> None:
    sent = [Message(kind="progress", fraction=fraction) for fraction in fractions]
    texts = [msgspec.json.encode(message) for message in sent]
    stream = b"".join(struct.pack("!I", len(text)) + text for text in texts)
    inner, outer = os.pipe()
    reader = MessageReader(inner)
    found: list[Message] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        os.write(outer, stream[:size])
        stream = stream[size:]
        found += reader.messages()
    os.close(outer)
    found += reader.messages()
    os.close(inner)
    assert found == sent
    assert reader.is_over
    assert not reader.is_broken


@given(st.binary(max_size=2000))
@settings(max_examples=200)
def test_any_bytes_are_read_without_waiting(stream: bytes) -> None:
    inner, outer = os.pipe()
    reader = MessageReader(inner)
    os.write(outer, stream)
    list(reader.messages())
    os.close(outer)
    list(reader.messages(at_the_end=True))
    os.close(inner)
    assert reader.is_over


def test_an_empty_pipe_has_no_messages_and_a_length_out_of_bounds_breaks_it() -> None:
    inner, outer = os.pipe()
    reader = MessageReader(inner)
    assert list(reader.messages()) == []
    MessageWriter(outer).send(Message(kind="phase", phase="train"))
    os.write(outer, struct.pack("!I", MAX_MESSAGE_BYTES + 1))
    assert [message.phase for message in reader.messages()] == ["train"]
    assert reader.is_broken
    os.close(inner)
    os.close(outer)


_RUN_FOR_EVER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
import msgspec
from jobs import make_task
from genbench.execution.local_executor import LocalExecutor
folder = Path({folder!r})
task = msgspec.structs.replace(
    make_task("MakesDaemonsAndHangs", folder, budget="100s", hyperparameters={{"tag": folder.name}}),
    model_factory="pipe_models:MakesDaemonsAndHangs",
)
list(LocalExecutor(1).execute([task], lambda job: folder / "log.txt", lambda job, message: None))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_daemons_end_with_the_run_that_was_killed(tmp_path: Path) -> None:
    code = _RUN_FOR_EVER.format(path=sys.path, folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        wait_for(lambda: len(daemons(tmp_path.name)) == 2)
        family = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not daemons(tmp_path.name) and not any(map(runs, family)))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_fork_server_that_cannot_start_workers_is_one_clear_line(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise EOFError

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", lost)
    with pytest.raises(GenbenchError, match="the fork server is killed whenever it starts a worker"):
        execute(make_task("Good", tmp_path))
