"""Leases: who works on what in a folder that several processes and machines share, and until when.

    FOLDER/NAME.1, FOLDER/NAME.2, ...     the holders of the lease NAME, the latest with the highest number

A lease is taken by creating the next file, which only one process can do: the exclusive creation of a file is atomic on
local disks, NFS, SMB and FUSE alike. Its holder renews it by rewriting the file in place, and it is over when its
holder gives it back, when its holder has ended (where that can be seen, on the same machine), or when the file has not
changed for `LEASE_SECONDS` by the clock of the process that watches it. Clocks of different machines are never
compared. The latest file of a name stays until the work is done for good, so that a process that has judged an old one
to be over can only fail to create the next.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from genbench.util.regular_files import read_regular

BEAT_SECONDS = 10.0
"""How often a holder renews its leases."""
LEASE_SECONDS = 90.0
"""After how long without a change a lease is over. Several beats, because a machine or its network may be busy."""
_LOOK_SECONDS = 5.0
"""How often the lease of another process is looked at."""
_FILE_BYTES = 1024
"""The size of a file, so that rewriting it in place needs no room on the disk."""
_LOCK_SECONDS = 20.0
"""As `LEASE_SECONDS`, of a lease that is held for some milliseconds and never renewed."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a lease: the content of its file."""

    host: str
    """The name of the machine."""
    pid: int
    """Process id."""
    process: str | None
    """What tells the process from all others on its machine, this and earlier boots: the boot, the namespace of process
    ids and the time at which it started. None where the system does not tell them."""
    run: str
    """What the holder is doing: an id of its own for each process that shares a folder."""
    since: str
    """When it took the lease, by its own clock; for people."""
    beat: int = 0
    """How often it has renewed the lease."""
    given_back: bool = False
    """Whether it has given the lease back, with work left to do."""

    @property
    def words(self) -> str:
        """ "process 1234 on HOST"."""
        return f"process {self.pid} on {self.host}"


def this_process(run: str) -> Holder:
    """The holder that this process is. run: see `Holder.run`."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        process=_process(os.getpid()),
        run=run,
        since=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )


@dataclass
class _Held:
    """A lease of this process."""

    path: Path
    """Its file."""
    following: Path
    """The file of a holder that takes it over."""
    descriptor: int
    """Its file, open: writing to it never touches the file of a later holder."""
    holder: Holder
    """Its content."""


@dataclass
class _Seen:
    """A lease of another process, as it was when it changed last."""

    state: tuple[int, int, bytes]
    """Its number, the time at which its file was changed, and its content."""
    since: float
    """When it was first seen like this, by the monotonic clock of this process."""
    looked: float
    """When it was last looked at."""
    is_over: bool
    """What was found."""
    holder: Holder | None
    """Who holds it; None if the file cannot be read."""


class Leases:
    """The leases of one folder, as this process takes, renews and watches them. Use it as a context manager: leaving
    it gives back what is still held.

    folder: is made at the first lease. run: see `Holder.run`. seconds, beat_seconds: see `LEASE_SECONDS` and
    `BEAT_SECONDS`.
    """

    def __init__(
        self,
        folder: Path,
        run: str | None = None,
        seconds: float = LEASE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self.folder = folder
        self._me = this_process(uuid.uuid4().hex if run is None else run)
        self._seconds, self._beat_seconds = seconds, beat_seconds
        self._look_seconds = min(_LOOK_SECONDS, seconds / 4)
        self._held: dict[str, _Held] = {}
        self._seen: dict[str, _Seen] = {}
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Leases:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self, name: str, latest: dict[str, int] | None = None) -> bool:
        """Take the lease if nobody holds it. Returns whether it is held by this process now.

        latest: what `latest` returned a moment ago, where many leases are tried. Raises OSError if the folder cannot
        be written.
        """
        if name in self._held:
            return True
        number = (self.latest() if latest is None else latest).get(name, 0)
        if number and not self._is_over(name, number):
            return False
        path = self.folder / f"{name}.{number + 1}"
        holder = msgspec.structs.replace(self._me, since=this_process("").since)
        try:
            descriptor = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644
            )
        except FileExistsError:
            return False  # another process was faster
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            return self.take(name)
        held = _Held(path, self.folder / f"{name}.{number + 2}", descriptor, holder)
        try:
            _rewrite(held)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        with self._guard:
            self._held[name] = held
        self._seen.pop(name, None)
        for old in range(1, number + 1):
            with contextlib.suppress(OSError):
                (self.folder / f"{name}.{old}").unlink()
        self._begin_to_beat()
        return True

    def latest(self) -> dict[str, int]:
        """The number of the latest file of each lease of the folder, by name."""
        found: dict[str, int] = {}
        try:
            entries = os.listdir(self.folder)
        except FileNotFoundError:
            return found
        for entry in entries:
            name, dot, number = entry.rpartition(".")
            if dot and number.isdecimal() and len(number) < 10:
                found[name] = max(found.get(name, 0), int(number))
        return found

    def holder(self, name: str) -> Holder | None:
        """Who holds a lease that could not be taken, as far as it is known."""
        seen = self._seen.get(name)
        return seen.holder if seen is not None else None

    def is_lost(self, name: str) -> bool:
        """Whether another process has taken over a lease of this one, as it may when this one was stopped for long."""
        held = self._held.get(name)
        return held is None or held.following.exists()

    def give_back(self, name: str, *, is_done: bool) -> None:
        """End a lease of this process. is_done: the work is done for good, and another process can see that."""
        with self._guard:
            held = self._held.pop(name, None)
        if held is None:
            return
        with contextlib.suppress(OSError):
            if is_done:
                held.path.unlink()
            else:
                held.holder = msgspec.structs.replace(held.holder, given_back=True)
                _rewrite(held)
        with contextlib.suppress(OSError):
            os.close(held.descriptor)

    def close(self) -> None:
        """Give back what is held."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for name in list(self._held):
            self.give_back(name, is_done=False)

    # ---- the leases of others

    def _is_over(self, name: str, number: int) -> bool:
        seen, now = self._seen.get(name), time.monotonic()
        if seen is not None and seen.state[0] == number and now - seen.looked < self._look_seconds:
            return seen.is_over
        path = self.folder / f"{name}.{number}"
        try:
            content = read_regular(path, max_bytes=64 * _FILE_BYTES)
            state = (number, path.lstat().st_mtime_ns, content)
        except FileNotFoundError:
            return True  # removed since: its work is done, or its job was asked for again
        except OSError:  # something that is no file: it never changes, so it is over in due time
            state = (number, 0, b"")
        holder = _decoded(state[2])
        since = seen.since if seen is not None and seen.state == state else now
        is_over = holder is not None and (holder.given_back or _has_ended(holder))
        is_over = is_over or now - since > self._seconds
        self._seen[name] = _Seen(state, since, now, is_over, holder)
        return is_over

    # ---- renewing

    def _begin_to_beat(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="genbench leases", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # signals are for the main thread
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._stop.wait(self._beat_seconds):
            with self._guard:
                for held in self._held.values():
                    held.holder = msgspec.structs.replace(held.holder, beat=held.holder.beat + 1)
                    with contextlib.suppress(
                        OSError
                    ):  # the next beat may succeed; if none does, the lease is over
                        _rewrite(held)


class LockTimeoutError(TimeoutError):
    """Another process has held a lock for too long."""


@contextlib.contextmanager
def locked(folder: Path, name: str, timeout: float) -> Iterator[None]:
    """Hold the lease `name` for some milliseconds, for work that one process at a time may do.

    timeout: seconds to wait for it. Raises LockTimeoutError, which names the holder, and OSError if the folder cannot
    be written.
    """
    deadline = time.monotonic() + timeout
    with Leases(folder, seconds=_LOCK_SECONDS, beat_seconds=_LOCK_SECONDS) as leases:
        leases._look_seconds = 0.0
        while not leases.take(name):
            if time.monotonic() > deadline:
                holder = leases.holder(name)
                who = "another process" if holder is None else holder.words
                raise LockTimeoutError(f"{folder / name} has been held by {who} for {timeout:g} s")
            time.sleep(0.02)
        yield


def _rewrite(held: _Held) -> None:
    content = msgspec.json.encode(held.holder).ljust(_FILE_BYTES)
    os.lseek(held.descriptor, 0, os.SEEK_SET)
    while content:
        content = content[os.write(held.descriptor, content) :]
    with contextlib.suppress(
        OSError
    ):  # a file system without it; elsewhere it sends the content to the server
        os.fsync(held.descriptor)


def _decoded(content: bytes) -> Holder | None:
    try:
        return msgspec.json.decode(content, type=Holder)
    except (msgspec.DecodeError, RecursionError):  # its holder has created it, and writes its name now
        return None


def _has_ended(holder: Holder) -> bool:
    """Whether the holder was a process of this boot of this machine, and is gone."""
    mine = _process(os.getpid())
    if holder.process is None or mine is None:
        return False
    if holder.process.rpartition(" ")[0] != mine.rpartition(" ")[0]:
        return False
    now = _process(holder.pid)
    return now != holder.process if now is not None else not _may_exist(holder.pid)


def _process(pid: int) -> str | None:
    """ "BOOT NAMESPACE START" on Linux, START of a process that has ended being 0. None elsewhere, and where the
    process cannot be seen."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")
        # the name of the program, which may hold anything, is in brackets
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    # Z, X: it has ended, and its parent has not asked for its exit code
    start = "0" if fields[0] in (b"Z", b"X") else fields[19].decode()
    return f"{boot} {namespace} {start}"


def _may_exist(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process of another user
        pass
    return True
