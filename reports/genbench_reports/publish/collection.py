"""A collection of published results: a folder to which records are added and from which none is taken.

    genbench-collection.json      says that the folder is one
    records/9f/9f2c...-DIGEST.json   a record, as a run stored it
    datasets/DIGEST.json          the card of a data set
    publications/DIGEST.json      one state of a run that was published: its command, machine, searches and refusals

Each file is named after the SHA-256 of its content. So publishing twice changes nothing, two people's collections are
merged by putting their files together, and a file that was edited afterwards is found out and left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from genbench.api import DatasetCard
from genbench.errors import UsageError
from genbench.records.result import SCHEMA_VERSION, Result, Tuned
from genbench.records.run_folder import MAX_RECORD_BYTES, Run
from genbench.util.regular_files import read_regular
from genbench_reports.format.joined_runs import runs_of
from genbench_reports.publish.safe_writing import write_within

MARK = "genbench-collection.json"
"""The file that says that a folder is a collection."""
_MARK_CONTENT = b'{"schema": 1}\n'
_DIGITS = 32
"""How many hexadecimal digits of the SHA-256 a name has."""
_RECORD = re.compile(rf"(?P<id>[0-9a-f]{{16}})-(?P<digest>[0-9a-f]{{{_DIGITS}}})\.json")
_OTHER = re.compile(rf"(?P<digest>[0-9a-f]{{{_DIGITS}}})\.json")
_Decoded = TypeVar("_Decoded")


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a run that was published."""

    suite: str
    """The name of the suite."""
    command: list[str]
    """The command line of the run, by word."""
    provenance: dict[str, Any]
    """Code, packages and machine of the run."""
    refused: list[Result]
    """Pairs of model and data set that were not run."""
    tuned: list[Tuned]
    """The searches behind tuned variants."""
    datasets: list[str]
    """The digests of the cards of its data sets."""
    records: list[str]
    """The names of its records, without ".json"."""


@dataclass
class Added:
    """What publishing has done."""

    new: int = 0
    """How many records were added."""
    present: int = 0
    """How many the collection had already."""
    damaged: list[str] = field(default_factory=list)
    """Files of another collection that were left out, and why."""


@dataclass(frozen=True)
class Collection:
    """What a collection holds."""

    folder: Path
    """Where it is."""
    records: Mapping[str, Result]
    """The records by name, without ".json"."""
    datasets: Mapping[str, DatasetCard]
    """The cards by digest."""
    publications: Mapping[str, Publication]
    """The publications by digest."""
    damaged: tuple[str, ...]
    """Files that were left out, and why."""


def is_collection(folder: Path) -> bool:
    """Whether a folder says that it is one."""
    try:
        return read_regular(folder / MARK, max_bytes=len(_MARK_CONTENT), within=folder) == _MARK_CONTENT
    except OSError:
        return False


def make_collection(folder: Path) -> None:
    """Make a collection of a new or empty folder; one that is there stays. A git working tree may hold `.git` and a
    README.

    Raises UsageError where the folder holds something else.
    """
    if is_collection(folder):
        return
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no folder; name a new one")
    others = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if others - {".git", ".gitattributes", "README.md", "LICENSE"}:
        raise UsageError(f"{folder} is not empty and holds no published results; name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_within(folder, MARK, _MARK_CONTENT)


def add_run(folder: Path, run: Run) -> Added:
    """Add the records of a run, or of runs that are shown together, to the collection in `folder`.

    Raises RunFolderError where it cannot be written.
    """
    done = Added()
    for part in runs_of(run):
        names = []
        for job in part.plan.jobs:
            result = part.result(job)
            if result is None:
                continue
            name, content = _record_file(result)
            names.append(name)
            is_new = write_within(folder, _record_path(name), content, replace=False)
            done.new += is_new
            done.present += not is_new
        cards = {_digest(_encoded(card)): card for card in part.plan.datasets.values()}
        for digest, card in cards.items():
            write_within(folder, f"datasets/{digest}.json", _encoded(card), replace=False)
        publication = Publication(
            suite=part.plan.suite,
            command=part.plan.command,
            provenance=part.plan.provenance,
            refused=part.plan.refused,
            tuned=part.plan.tuned,
            datasets=sorted(cards),
            records=sorted(names),
        )
        content = _encoded(publication)
        write_within(folder, f"publications/{_digest(content)}.json", content, replace=False)
    return done


def add_collection(folder: Path, other: Path) -> Added:
    """Add everything of another collection. What is damaged there is left out and named."""
    theirs = read_collection(other)
    done = Added(damaged=list(theirs.damaged))
    for name, result in theirs.records.items():
        content = _record_file(result)[1]
        # a record is copied byte for byte where this version would write other bytes
        if _digest(content) != name.rpartition("-")[2]:
            content = read_regular(other / _record_path(name), max_bytes=MAX_RECORD_BYTES, within=other)
        is_new = write_within(folder, _record_path(name), content, replace=False)
        done.new += is_new
        done.present += not is_new
    for kind, found in (("datasets", theirs.datasets), ("publications", theirs.publications)):
        for digest in found:
            path = f"{kind}/{digest}.json"
            content = read_regular(other / path, max_bytes=MAX_RECORD_BYTES, within=other)
            write_within(folder, path, content, replace=False)
    return done


def read_collection(folder: Path) -> Collection:
    """Everything that a collection holds. Files whose content is not what their name says, which cannot be read, or
    which hold something else are left out and named. Raises UsageError where the folder is no collection."""
    if not is_collection(folder):
        raise UsageError(f"{folder} holds no published results (no {MARK})")
    damaged: list[str] = []
    records: dict[str, Result] = {}
    for path in _files(folder / "records", "*/*.json"):
        match = _RECORD.fullmatch(path.name)
        result = match and _decoded(folder, path, match["digest"], Result, damaged)
        if match and result:
            if result.id != match["id"] or result.id != result.job.id or result.schema != SCHEMA_VERSION:
                damaged.append(f"{path.name} is not the record of its job")
            else:
                records[path.stem] = result
    datasets: dict[str, DatasetCard] = {}
    publications: dict[str, Publication] = {}
    for path in _files(folder / "datasets", "*.json"):
        if (match := _OTHER.fullmatch(path.name)) and (
            card := _decoded(folder, path, match["digest"], DatasetCard, damaged)
        ):
            datasets[path.stem] = card
    for path in _files(folder / "publications", "*.json"):
        if (match := _OTHER.fullmatch(path.name)) and (
            found := _decoded(folder, path, match["digest"], Publication, damaged)
        ):
            publications[path.stem] = found
    return Collection(folder, records, datasets, publications, tuple(damaged))


def _files(folder: Path, pattern: str) -> list[Path]:
    return [] if folder.is_symlink() else sorted(folder.glob(pattern))


def _decoded(
    folder: Path, path: Path, digest: str, kind: type[_Decoded], damaged: list[str]
) -> _Decoded | None:
    try:
        content = read_regular(path, max_bytes=MAX_RECORD_BYTES, within=folder)
        if _digest(content) != digest:
            damaged.append(f"{path.name} was changed: its name is not the checksum of its content")
            return None
        return msgspec.json.decode(content, type=kind)
    except OSError as error:
        damaged.append(f"{path.name} {error.strerror}")
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        damaged.append(f"{path.name}: {error}")
    return None


def _record_file(result: Result) -> tuple[str, bytes]:
    content = _encoded(result)
    return f"{result.id}-{_digest(content)}", content


def _record_path(name: str) -> str:
    return f"records/{name[:2]}/{name}.json"


def _encoded(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
