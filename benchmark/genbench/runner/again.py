"""Which failed jobs the same command runs again: those that the environment caused, where it may have changed since."""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterable

import msgspec

from genbench.records.job import Job
from genbench.records.record_index import Head
from genbench.records.result import Circumstance, Result
from genbench.records.run_folder import Run

MAX_TRIES = 3
"""How often a job is run whose process is killed from outside each time. A model may kill itself."""
MORE_MEMORY = 1.2
"""How much more memory a job must get than when it ran out, as a ratio."""


def to_run_again(run: Run, jobs: Iterable[Job], room_bytes: int, *, every_failure: bool) -> dict[str, Result]:
    """The stored results of jobs that are to be run again, by the id of the job.

    room_bytes: the memory that each job would have now. every_failure: whatever its cause.
    """
    heads = run.heads()
    wanted = [
        job
        for job in jobs
        if (head := heads.get(job.id)) is not None
        and head.status not in ("ok", "unsupported")
        and (every_failure or runs_again(head.circumstance, room_bytes))
    ]
    return {job.id: result for job in wanted if (result := run.result(job)) is not None}


def runs_again(circumstance: Circumstance | None, room_bytes: int) -> bool:
    """Whether what a failure came from may be gone."""
    match circumstance:
        case Circumstance(kind="killed", tries=tries):
            return tries < MAX_TRIES
        case Circumstance(kind="memory", room_bytes=int(then)):
            return room_bytes >= MORE_MEMORY * then
        case Circumstance(kind="module", module=str(name)):
            return _can_be_imported(name)
        case Circumstance(kind="disk" | "data"):
            return True
    return False


def after(earlier: Result | None, result: Result) -> Result:
    """The result of a job that was run again, with its tries counted."""
    now, before = result.circumstance, None if earlier is None else earlier.circumstance
    if now is None or before is None or now.kind != before.kind:
        return result
    return msgspec.structs.replace(result, circumstance=msgspec.structs.replace(now, tries=before.tries + 1))


def reasons_in_words(again: Iterable[Result]) -> str:
    """Why jobs are run again: "2 killed from outside, 1 whose module is installed now"."""
    words = {
        "killed": "killed from outside",
        "memory": "short of memory",
        "module": "whose missing module is installed now",
        "disk": "short of room on the disk",
        "data": "whose data could not be had",
    }
    counts = Counter(
        "failed" if each.circumstance is None else words[each.circumstance.kind] for each in again
    )
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def advice(failed: Iterable[Result | Head]) -> list[str]:
    """One line for each kind of failure that the environment caused, on what makes the same command run it again."""
    lines = []
    causes = [each.circumstance for each in failed if each.circumstance is not None]
    modules = sorted({str(cause.module) for cause in causes if cause.kind == "module"})
    if modules:
        lines.append(f"install {', '.join(modules)}, and the same command runs the jobs again that miss it")
    counts = Counter(cause.kind for cause in causes if cause.kind != "killed" or cause.tries < MAX_TRIES)
    if counts["memory"]:
        lines.append(
            f"{counts['memory']} ran out of the machine's memory; with fewer workers (-j 1), or with more free"
            " memory, the same command runs them again"
        )
    if others := counts["killed"] + counts["disk"] + counts["data"]:
        lines.append(f"{others} failed for a cause outside the model; the same command runs them again")
    return lines


def _can_be_imported(name: str) -> bool:
    importlib.invalidate_caches()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False
