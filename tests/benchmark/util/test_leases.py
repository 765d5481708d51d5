"""A lease has one holder at a time, and ends with it: at once where that can be seen, else when it stops renewing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from genbench.util.leases import Holder, Leases, LockTimeoutError, locked, this_process

HOLDING = """
import sys, time
from pathlib import Path
from genbench.util.leases import Leases
leases = Leases(Path(sys.argv[1]), beat_seconds=0.05)
print(leases.take("job"), flush=True)
time.sleep(60)
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def written(folder: Path, **changes: object) -> Path:
    """The lease of a process on another machine."""
    folder.mkdir(exist_ok=True)
    holder = msgspec.structs.replace(
        this_process("theirs"), host="elsewhere", process="another boot", **changes
    )
    path = folder / "job.3"
    path.write_bytes(msgspec.json.encode(holder).ljust(1024))
    return path


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_of_many_threads_gets_it(tmp_path: Path) -> None:
    many = [Leases(tmp_path / "leases") for _ in range(8)]
    start, got = threading.Barrier(len(many)), []

    def take(leases: Leases) -> None:
        start.wait()
        got.append(leases.take("job"))

    threads = [threading.Thread(target=take, args=(leases,)) for leases in many]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]
    for leases in many:
        leases.close()


def test_what_is_given_back_is_free_and_what_is_done_leaves_nothing(tmp_path: Path) -> None:
    with Leases(tmp_path) as one, Leases(tmp_path) as other:
        assert one.take("job")
        assert one.take("job")
        assert not other.take("job")
        holder = other.holder("job")
        assert holder is not None
        assert holder.pid == os.getpid()
        one.give_back("job", is_done=False)
        other._look_seconds = 0.0
        assert other.take("job")
        assert list(other.latest()) == ["job"]
        assert other.latest()["job"] == 2
        other.give_back("job", is_done=True)
        assert other.latest() == {}


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a holder that ended is noticed when it does not renew"
)
def test_the_lease_of_a_killed_process_of_this_machine_is_free_at_once(tmp_path: Path) -> None:
    process = hold(tmp_path)
    with Leases(tmp_path) as mine:
        mine._look_seconds = 0.0
        assert not mine.take("job")
        process.send_signal(signal.SIGKILL)
        wait_for(lambda: mine.take("job"))  # a zombie now, since nobody has asked for its exit code
        process.communicate()


def test_a_stopped_process_loses_its_lease_and_a_working_one_does_not(tmp_path: Path) -> None:
    process = hold(tmp_path)
    try:
        with Leases(tmp_path, seconds=1.0) as mine:
            mine._look_seconds = 0.0
            deadline = time.monotonic() + 3.0
            while time.monotonic() < deadline:
                assert not mine.take("job")
                time.sleep(0.05)
            process.send_signal(signal.SIGSTOP)
            wait_for(lambda: mine.take("job"))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("skew_seconds", [-86400, 0, 86400])
def test_clocks_that_differ_do_not_matter(tmp_path: Path, skew_seconds: int) -> None:
    path = written(tmp_path)
    with Leases(tmp_path, seconds=0.5) as mine:
        mine._look_seconds = 0.0
        for beat in range(8):
            stamp = time.time() + skew_seconds + beat
            os.utime(path, (stamp, stamp))
            assert not mine.take("job")
            time.sleep(0.1)
        wait_for(lambda: mine.take("job"))


def test_a_holder_that_lost_its_lease_does_not_touch_the_next(tmp_path: Path) -> None:
    with Leases(tmp_path, beat_seconds=0.02) as slow:
        assert slow.take("job")
        written(tmp_path)  # with a higher number
        assert (tmp_path / "job.2").exists() is False
        (tmp_path / "job.3").rename(tmp_path / "job.2")
        assert slow.is_lost("job")
        before = (tmp_path / "job.2").read_bytes()
        time.sleep(0.2)
        slow.give_back("job", is_done=True)
        assert (tmp_path / "job.2").read_bytes() == before


def test_strange_files_are_no_lease_for_ever(tmp_path: Path) -> None:
    """A FIFO, a folder, half a file: whatever never changes is over in due time; other names are passed over."""
    os.mkfifo(tmp_path / "fifo.1")
    (tmp_path / "folder.1").mkdir()
    (tmp_path / "half.1").write_bytes(b'{"host": "a')
    (tmp_path / "no-number.x").touch()
    with Leases(tmp_path, seconds=0.2) as mine:
        mine._look_seconds = 0.0
        assert mine.latest() == {"fifo": 1, "folder": 1, "half": 1}
        for name in mine.latest():
            assert not mine.take(name)
            wait_for(partial(mine.take, name))


def test_a_lock_that_is_held_names_its_holder(tmp_path: Path) -> None:
    with (
        locked(tmp_path, "folder", 1.0),
        pytest.raises(LockTimeoutError, match=f"held by process {os.getpid()} on"),
        locked(tmp_path, "folder", 0.1),
    ):
        pass
    with locked(tmp_path, "folder", 0.1):
        pass


def test_a_holder_of_another_machine_is_not_taken_for_one_of_this(tmp_path: Path) -> None:
    """Though it has the id of a process that does not run here."""
    written(tmp_path, pid=2**22 - 1)
    with Leases(tmp_path) as mine:
        assert not mine.take("job")
        assert isinstance(mine.holder("job"), Holder)
