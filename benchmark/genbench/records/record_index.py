"""What planning needs to know of each record, kept in the user's cache: whether it is there and how it ended.

A run of 10,000 jobs has 250 MB of records. Planning asks four things of each: its status, the attempt that it names,
the cause of a failure, and the versions of its metrics. These are kept in an SQLite file, with the size, the times and
the inode of the record's file. Where one of them has changed, the record is read again.

The records are the truth: reports never look here. The index lies in the cache of the user and not in the run folder,
because a folder may come from a stranger, whose index could say anything. It is used for runs of many jobs alone, and
whatever is wrong with it, it counts as empty.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from genbench.errors import UsageError
from genbench.records.job import Job
from genbench.records.result import Circumstance, Result, Status
from genbench.util.cache_folder import cache_folder

MIN_JOBS = 500
"""Runs of fewer jobs have no index: reading their records takes no time."""
_VERSION = 1
"""The version of the tables; an index of another one counts as empty."""
_FRESH_SECONDS = 3.0
"""A record that was written so recently is not indexed yet: within the resolution of a file system's times it may be
written again."""
_MAX_AGE_DAYS = 90
"""Indexes that were not written for longer are removed."""
_WAIT_SECONDS = 2.0

Stamp = tuple[int, int, int, int]
"""Size, time of modification, time of change (both in nanoseconds) and inode of a file."""


class Head(msgspec.Struct, frozen=True):
    """What planning needs to know of a record."""

    status: Status
    """How the job ended."""
    attempt: str | None
    """The folder of the other files of the result."""
    circumstance: Circumstance | None
    """What a failure came from, if that is not the model."""
    versions: Mapping[str, str | None]
    """The version of each metric that the record has, by name."""


class RecordIndex:
    """The heads of the records of one run folder, read from the index and completed from the records."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[Stamp, Head]] | None = None

    def heads(
        self, jobs: Iterable[Job], path_of: Callable[[str], str], read: Callable[[Job], Result | None]
    ) -> dict[str, Head]:
        """The head of each job that has a readable record, by the id of the job.

        path_of: the path of the record of a job's id. read: reads a record; called for those alone that the index does
        not have.
        """
        by_id = {job.id: job for job in jobs}
        is_large = len(by_id) >= MIN_JOBS
        if self._known is None:
            self._known = _load(index_path(self._folder)) if is_large else {}
        found: dict[str, Head] = {}
        fresh: dict[str, tuple[Stamp, Head]] = {}
        for job_id, job in by_id.items():
            stamp = stamp_of(path_of(job_id))
            if stamp is None:
                continue
            known = self._known.get(job_id)
            if known is not None and known[0] == stamp:
                found[job_id] = known[1]
            elif (result := read(job)) is not None:
                found[job_id] = head_of(result)
                if time.time_ns() - max(stamp[1], stamp[2]) > _FRESH_SECONDS * 1e9:
                    fresh[job_id] = stamp, found[job_id]
        self._known |= fresh
        if fresh and is_large:
            _save(index_path(self._folder), fresh)
        return found


def head_of(result: Result) -> Head:
    """The head of a record."""
    versions = {metric.name: metric.version for metric in reversed(result.metrics)}
    return Head(result.status, result.attempt, result.circumstance, versions)


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a file; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def index_path(folder: Path) -> Path | None:
    """Where the index of a run folder is. None where there is no cache."""
    try:
        name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:32]
        return cache_folder() / "record-index" / f"{name}.sqlite"
    except (UsageError, OSError, ValueError):
        return None


def _load(path: Path | None) -> dict[str, tuple[Stamp, Head]]:
    if path is None or not path.exists():
        return {}
    try:
        with _opened(path) as connection:
            texts = dict(connection.execute("SELECT key, versions FROM versions"))
            versions = {
                key: msgspec.json.decode(text, type=dict[str, str | None]) for key, text in texts.items()
            }
            rows = connection.execute(
                "SELECT job, size, modified, changed, inode, status, attempt, circumstance, versions FROM heads"
            )
            return {
                row[0]: (
                    row[1:5],
                    msgspec.convert(
                        {
                            "status": row[5],
                            "attempt": row[6],
                            "circumstance": None if row[7] is None else msgspec.json.decode(row[7]),
                            "versions": versions[row[8]],
                        },
                        type=Head,
                    ),
                )
                for row in rows
            }
    except (sqlite3.Error, msgspec.MsgspecError, KeyError, OSError):
        _discard(path)
        return {}


def _save(path: Path | None, fresh: Mapping[str, tuple[Stamp, Head]]) -> None:
    if path is None:
        return
    versions: dict[str, str] = {}
    rows = []
    for job_id, (stamp, head) in fresh.items():
        text = msgspec.json.encode(head.versions, order="deterministic").decode()
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        versions[key] = text
        cause = None if head.circumstance is None else msgspec.json.encode(head.circumstance).decode()
        rows.append((job_id, *stamp, head.status, head.attempt, cause, key))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_old(path.parent)
        with _opened(path) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO versions VALUES (?, ?)", versions.items())
            connection.executemany("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.DatabaseError:  # locked by another process, or no database
        return
    except OSError:
        return


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            with connection:
                connection.executescript(
                    "DROP TABLE IF EXISTS heads; DROP TABLE IF EXISTS versions;"
                    " CREATE TABLE heads (job TEXT PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER,"
                    " inode INTEGER, status TEXT, attempt TEXT, circumstance TEXT, versions TEXT) WITHOUT ROWID;"
                    " CREATE TABLE versions (key TEXT PRIMARY KEY, versions TEXT) WITHOUT ROWID;"
                    f" PRAGMA user_version = {_VERSION};"
                )
        yield connection
    finally:
        connection.close()


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _remove_old(folder: Path) -> None:
    oldest = time.time() - _MAX_AGE_DAYS * 86400
    for path in folder.glob("*.sqlite"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
