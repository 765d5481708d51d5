"""Whether anything of a large run has changed since its reports were written, so that they need not be made again.

What is remembered lies in the user's cache, never in the folder, which may come from a stranger.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from genbench.records.record_index import MIN_JOBS, Stamp, index_path, stamp_of
from genbench.records.run_folder import Run
from genbench.util.atomic_files import write_atomically
from genbench.util.untrusted_text import read_bounded

_MAX_BYTES = 1 << 24


class Remembered(msgspec.Struct, frozen=True):
    """What was made of a run."""

    state: str
    """The state of the run at that time (`state_of`)."""
    files: dict[str, Stamp | None]
    """The reports in its folder, by name."""
    screens: dict[str, str]
    """What was printed, by the kind of screen."""


def state_of(run: Run, maker: bytes) -> str | None:
    """A checksum of the plan, of the state of each record's file, and of `maker`: what else reports depend on.

    None for runs of few jobs, whose reports take no time.
    """
    if len(run.plan.jobs) < MIN_JOBS:
        return None
    digest = hashlib.sha256(maker)
    paths = [run.folder / "run.json", *map(run.result_path, run.plan.jobs)]
    for path in paths:
        digest.update(repr(stamp_of(str(path))).encode())
    return digest.hexdigest()


def recall(run: Run, state: str) -> Remembered | None:
    """What was made of the run in this state, if its reports are still there as they were written."""
    path = _path(run)
    if path is None:
        return None
    try:
        found = msgspec.json.decode(read_bounded(path, max_bytes=_MAX_BYTES), type=Remembered)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None
    is_there = all(stamp is not None and _stamp(run, name) == stamp for name, stamp in found.files.items())
    return found if found.state == state and is_there else None


def remember(run: Run, state: str, files: Iterable[str], screens: dict[str, str]) -> None:
    """Keep what was made of the run. Where there is no cache, nothing is kept."""
    path = _path(run)
    if path is None:
        return
    found = Remembered(state, {name: _stamp(run, name) for name in files}, screens)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(found))


def _stamp(run: Run, name: str) -> Stamp | None:
    return stamp_of(str(run.folder / name))


def _path(run: Run) -> Path | None:
    index = index_path(run.folder)
    return None if index is None else index.with_suffix(".json")
