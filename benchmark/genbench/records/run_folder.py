"""A run is a folder; this is the one module that knows its layout.

    run.json                      the plan and the provenance
    jobs/ID/result.json           the result, written last, once and atomically
    jobs/ID/attempt-NAME/         the other files of the result, which it names with their checksums:
        samples.safetensors       the samples that were scored
        log.txt                   the output of the worker
        work/                     files of a job that is running
    leases/                       who works on which job now (`genbench.util.leases`)

In folders of earlier versions the other files lie in jobs/ID itself.

Any number of processes and machines may write into it. A job without a result is still to be run, so deleting the
folder of a job makes the next run repeat it. Nothing that is read back is ever unpickled.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from genbench.api.cards import DatasetCard
from genbench.errors import DataError, RunFolderError
from genbench.records.attempts import WORK_FOLDER, Attempt, is_attempt_name, seal_parts
from genbench.records.collector import collector_paused
from genbench.records.folder_check import check_run_folder
from genbench.records.job import PROTOCOL_VERSION, Job
from genbench.records.record_index import Head, RecordIndex, head_of
from genbench.records.result import SCHEMA_VERSION, Result, Tuned
from genbench.records.run_paths import JOBS_FOLDER, run_folder_of
from genbench.records.shared_texts import SharedTexts
from genbench.util.atomic_files import write_atomically
from genbench.util.checksums import checksum_of
from genbench.util.leases import Leases, LockTimeoutError, locked
from genbench.util.redaction import redacted
from genbench.util.regular_files import RefusedFileError, check_regular, read_regular

MAX_PLAN_BYTES, MAX_RECORD_BYTES = 1 << 28, 1 << 26
"""The largest run.json and the largest record that are read."""
MAX_PART_BYTES = 1 << 36
"""The largest file of a result that is read: 64 GiB."""
_log = logging.getLogger(__name__)
_LONG_NUMBER = b"0" * 19
"""Where a text has it in no place once its digits are zeros, it has no integer beyond 64 bits."""
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_NAMED: set[str] = set()
"""The damaged entries that were named already."""
_FOLDER_LEASE, _LOCK_SECONDS = "folder", 30.0
_OLD_LOCKS = ("run.lock", "score.lock")
"""Files of earlier versions."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that commands asked for."""

    suite: str
    """The name of the suite."""
    jobs: list[Job]
    """The jobs to run, in their order."""
    refused: list[Result] = []
    """Results that need no run: the status `unsupported` of models that cannot take a data set."""
    command: list[str] = []
    """The latest command line, by word."""
    datasets: dict[str, DatasetCard] = {}
    """The cards of the data sets by name, so that a report can be made after a user's file is gone."""
    provenance: dict[str, Any] = {}
    """Code, packages and machine, as `genbench.runner.provenance` collects them."""
    tuned: list[Tuned] = []
    """The searches that found the hyperparameters of some variants."""
    protocol: str = PROTOCOL_VERSION
    """The protocol version of the jobs."""
    schema: int = SCHEMA_VERSION
    """The version of the records."""


class Run:
    """The folder of a run, with its plan and its results."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self._index = RecordIndex(folder)

    @classmethod
    def create(cls, folder: Path, plan: Plan) -> Run:
        """Make the folder, or continue the run that is there.

        Jobs that an earlier command planned stay in the plan, unless this plan has the same job with a newer version
        of the model or of the data set: versions never share a table. Results outside the plan stay on disk, unread.

        Raises RunFolderError if the path is a file, cannot be written, or holds a run of another version of genbench.
        """
        try:
            if folder.exists() and not folder.is_dir():
                raise RunFolderError(f"{folder} is a file; --out wants a folder")
            if folder.is_dir() and not _looks_like_a_run(folder):
                raise RunFolderError(
                    f"{folder} is not empty and holds no run; choose another folder with --out"
                )
            cls(folder, plan).refuse_links(of_jobs=False)
            (folder / JOBS_FOLDER).mkdir(parents=True, exist_ok=True)
            check_run_folder(folder)
            # another process may be merging its plan into the same file
            with _folder_locked(folder):
                if (folder / "run.json").exists():
                    plan = _merge(cls.open(folder).plan, plan)
                write_atomically(folder / "run.json", _encode(plan))
        except OSError as error:
            raise RunFolderError(f"cannot write to run folder {folder}: {error.strerror}") from None
        run = cls(folder, plan)
        for job in run.plan.jobs:
            if run.job_folder(job).is_symlink():
                run.clear_the_way(job)
        run._tidy_all()
        return run

    @classmethod
    def open(cls, folder: Path) -> Run:
        """Open the folder of a run. Raises RunFolderError if it is not a run of this version of genbench."""
        path = folder / "run.json"
        try:
            if folder.is_file():
                raise RunFolderError(f"{folder} is a file; expected a run's folder")
            text = read_regular(path, max_bytes=MAX_PLAN_BYTES, within=folder)
        except FileNotFoundError:
            raise RunFolderError(
                f"{folder} holds no run (no run.json); `genai-bench run --out {folder}` makes one"
            ) from None
        except OSError as error:
            raise RunFolderError(f"cannot read {path}: {error.strerror}") from None
        versions = _decode(text, _Versions, path)
        if (versions.schema, versions.protocol) != (SCHEMA_VERSION, PROTOCOL_VERSION):
            raise RunFolderError(
                f"{folder} was written by another version (schema {versions.schema}, protocol"
                f" {versions.protocol}); this one has schema {SCHEMA_VERSION}, protocol {PROTOCOL_VERSION}"
            )
        return cls(folder, _decode(text, Plan, path))

    def add_provenance(self, facts: dict[str, Any]) -> None:
        """Add facts that are known only when the run is over. Raises RunFolderError if they cannot be written."""
        try:
            with _folder_locked(self.folder):
                plan = Run.open(self.folder).plan
                self.plan = msgspec.structs.replace(plan, provenance={**plan.provenance, **facts})
                write_atomically(self.folder / "run.json", _encode(self.plan))
        except OSError as error:
            raise RunFolderError(f"cannot write to run folder {self.folder}: {error.strerror}") from None

    def refuse_links(self, *, of_jobs: bool = True) -> None:
        """Raise RunFolderError where a folder of the run is a symbolic link: what is written or removed in it may be
        anybody's. To be called before anything is. of_jobs: the folders of jobs too, which `create` moves aside."""
        jobs = map(self.job_folder, self.plan.jobs) if of_jobs else ()
        folders = (self.folder / JOBS_FOLDER, self.leases_folder, *jobs)
        for folder in folders:
            if folder.is_symlink():
                raise RunFolderError(f"{folder} is a symbolic link; nothing is written through one")

    def job_folder(self, job: Job) -> Path:
        return self.folder / JOBS_FOLDER / job.id

    def result_path(self, job: Job) -> Path:
        return self.job_folder(job) / "result.json"

    @property
    def leases_folder(self) -> Path:
        return self.folder / "leases"

    def parts_folder(self, job: Job) -> Path:
        """The folder of all files of a job's result but the record. Without a result it is that of the latest
        attempt."""
        folder = self.job_folder(job)
        result = self.result(job)
        if result is not None:
            is_named = result.attempt is not None and is_attempt_name(result.attempt)
            return folder / str(result.attempt) if is_named else folder
        attempts = _attempts(folder)
        return max(attempts, key=_time_of, default=folder)

    def samples_path(self, job: Job) -> Path:
        return self.parts_folder(job) / "samples.safetensors"

    def log_path(self, job: Job) -> Path:
        return self.parts_folder(job) / "log.txt"

    def check_part(self, result: Result, path: Path) -> None:
        """Raise DataError unless the file is the one that belongs to the record."""
        recorded = result.parts.get(path.name)
        if recorded is None:  # an old record, or a file that is missing, which reading it will tell
            return
        try:
            check_regular(path, max_bytes=MAX_PART_BYTES, within=run_folder_of(path))
            found = checksum_of(path, "sha256").digest
        except FileNotFoundError:
            raise DataError(f"{path.name} is missing from {path.parent}") from None
        except OSError as error:
            raise DataError(f"{error.filename} {error.strerror}") from None
        if found != recorded:
            raise DataError(f"{path} is not the file that the record names: its checksum differs")

    def result(self, job: Job) -> Result | None:
        """The stored result, or None. One that cannot be read is named in a warning and counts as none, so that it
        costs its own row and the job is run again."""
        job_id = job.id
        path = self.folder / JOBS_FOLDER / job_id / "result.json"
        try:
            text = read_regular(path, max_bytes=MAX_RECORD_BYTES, within=self.folder)
            result = _decode(text, Result, path)
        except FileNotFoundError:
            return None
        except RefusedFileError as error:
            _left_out(f"{error.filename} {error.strerror}")
            return None
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # of a folder that cannot exist
                return None
            _left_out(f"cannot read {path}: {error.strerror}")
            return None
        except RunFolderError as error:
            _left_out(str(error))
            return None
        if result.id != job_id:
            _left_out(f"{path} is the result of another job")
            return None
        return result if result.schema == SCHEMA_VERSION else None

    def results(self) -> list[Result]:
        """The results of the planned jobs in the order of the plan, then the refused ones."""
        stored, texts = [], SharedTexts()
        with collector_paused():
            for job in self.plan.jobs:
                if (result := self.result(job)) is not None:
                    # equal ids are equal jobs, and one of them is enough
                    msgspec.structs.force_setattr(result, "job", job)
                    texts.share(result)
                    stored.append(result)
        return [*stored, *self.plan.refused]

    def heads(self) -> dict[str, Head]:
        """What planning needs to know of each record, by the id of its job. Jobs without a readable result are
        missing. Records that have not changed since they were read are not read again."""
        if type(self).result is not Run.result:  # results that lie elsewhere
            stored = {job.id: self.result(job) for job in self.plan.jobs}
            return {name: head_of(result) for name, result in stored.items() if result is not None}
        jobs = str(self.folder / JOBS_FOLDER)
        return self._index.heads(
            self.plan.jobs, lambda name: os.path.join(jobs, name, "result.json"), self.result
        )

    def pending(self) -> list[Job]:
        """The jobs that have no result."""
        heads = self.heads()
        return [job for job in self.plan.jobs if job.id not in heads]

    def store(
        self, result: Result, attempt: Attempt | None = None, *, instead_of: Result | None = None
    ) -> Result:
        """Publish a result. If another process was first, its result stays and is returned.

        attempt: has the other files of the result, whose checksums the record takes. instead_of: the result of an
        earlier attempt, which this one replaces.

        Raises RunFolderError if it cannot be written.
        """
        path = self.result_path(result.job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if attempt is not None:
                shutil.rmtree(attempt.folder / WORK_FOLDER, ignore_errors=True)
                parts = seal_parts(attempt.folder)
                result = msgspec.structs.replace(result, attempt=attempt.name if parts else None, parts=parts)
            is_there = os.path.lexists(
                path
            )  # asked first, since another process may publish its record any time
            stored = self.result(result.job)
            if stored is None and is_there:
                path.rename(path.with_suffix(".unreadable"))
            is_first = stored is None or stored == instead_of
            if is_first:
                content = _encode(_without_secrets(result))
                write_atomically(path, content, replace=stored is not None)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from None
        published = self.result(result.job) or result
        self._tidy(result.job, published.attempt)
        return published

    def adopt(self, result: Result) -> None:
        """Publish the record of another run as it is; its parts are there. A record that is there stays.

        Raises RunFolderError if it cannot be written.
        """
        path = self.result_path(result.job)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, _encode(_without_secrets(result)), replace=False)
        except OSError as error:
            raise RunFolderError(f"cannot write {path}: {error.strerror}") from None

    def _tidy_all(self) -> None:
        """Remove what processes left behind that were killed after they stored a result. A job that another process
        runs again now is left alone."""
        heads = self.heads()
        with Leases(self.leases_folder) as leases:
            for job in self.plan.jobs:
                name = job.id
                if (head := heads.get(name)) is None:
                    continue
                with contextlib.suppress(OSError):
                    names = {*os.listdir(self.folder / JOBS_FOLDER / name)}
                    names -= {"result.json", head.attempt or ""}
                    is_left = any(is_attempt_name(each) or each.startswith(".result") for each in names)
                    if (is_left or WORK_FOLDER in names) and leases.take(name):
                        self._tidy(job, head.attempt)
                        leases.give_back(name, is_done=True)

    def _tidy(self, job: Job, attempt: str | None) -> None:
        """Remove the files of other attempts at a job that has its result."""
        folder = self.job_folder(job)
        shutil.rmtree(folder / WORK_FOLDER, ignore_errors=True)  # of earlier versions
        for other in _attempts(folder):
            if other.name != attempt:
                shutil.rmtree(other, ignore_errors=True)
        for partial in folder.glob(".result.json.*"):
            partial.unlink(missing_ok=True)

    def clear_the_way(self, job: Job) -> None:
        """Move aside what stands in the place of the job's folder and is none. Raises RunFolderError."""
        folder = self.job_folder(job)
        if not folder.is_symlink() and (folder.is_dir() or not folder.exists()):
            return
        try:
            folder.rename(folder.with_name(f"{folder.name}.unreadable-{uuid.uuid4().hex[:6]}"))
        except OSError as error:
            raise RunFolderError(f"{folder} is no folder, and cannot be moved: {error.strerror}") from None

    def update(self, job: Job, change: Callable[[Result], Result]) -> Result | None:
        """Replace a job's result by `change` of it, under a lock, so that no change of another process is lost.

        For scoring again, which keeps the job and its samples. Returns the new result, or None if there is no result
        to change. Raises RunFolderError if it cannot be written.
        """
        try:
            with _folder_locked(self.folder):
                stored = self.result(job)
                if stored is None:
                    return None
                changed = change(stored)
                write_atomically(self.result_path(job), _encode(_without_secrets(changed)))
        except OSError as error:
            raise RunFolderError(f"cannot write {self.result_path(job)}: {error.strerror}") from None
        return changed


def _left_out(words: str) -> None:
    """Name a damaged entry once, on stderr."""
    if words not in _NAMED:
        _NAMED.add(words)
        _log.warning("left out: %s", "".join(each if each.isprintable() else "?" for each in words))


@contextlib.contextmanager
def _folder_locked(folder: Path) -> Iterator[None]:
    """Another process may be rewriting the plan or a result. Raises RunFolderError, OSError."""
    try:
        with locked(folder / "leases", _FOLDER_LEASE, _LOCK_SECONDS):
            yield
    except LockTimeoutError as error:
        raise RunFolderError(str(error)) from None


def _attempts(folder: Path) -> list[Path]:
    """The folders of all attempts at a job."""
    return [path for path in _entries(folder) if is_attempt_name(path.name)]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _time_of(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _looks_like_a_run(folder: Path) -> bool:
    """Whether the folder holds a run, is empty, or holds what a process leaves that was killed before it had written a
    plan, or is writing one now."""
    entries = {entry.name for entry in folder.iterdir()}
    ours = {
        name
        for name in entries
        if name in ("jobs", "leases", *_OLD_LOCKS) or name.startswith((".run.json.", ".check."))
    }
    return "run.json" in entries or entries == ours


def _merge(old: Plan, new: Plan) -> Plan:
    def what(job: Job) -> str:
        return msgspec.structs.replace(job, model_version="", dataset_version="").id

    jobs = {what(job): job for job in [*old.jobs, *new.jobs]}
    refused = {what(result.job): result for result in [*old.refused, *new.refused]}
    return msgspec.structs.replace(
        new,
        jobs=list(jobs.values()),
        refused=list(refused.values()),
        datasets={**old.datasets, **new.datasets},
        tuned=list({(each.variant, each.dataset): each for each in [*old.tuned, *new.tuned]}.values()),
    )


class _Versions(msgspec.Struct):
    """The part of a plan that every version of genbench can read."""

    schema: int = 0
    """The version of the records."""
    protocol: str = "unknown"
    """The protocol version of the jobs."""


def _without_secrets(result: Result) -> Result:
    """The result without passwords and tokens in what it quotes; its job stays as it was planned."""
    clean = msgspec.convert(_redacted_texts(msgspec.to_builtins(result)), type=Result)
    return msgspec.structs.replace(clean, job=result.job)


def _redacted_texts(value: Any) -> Any:
    """Every text of a JSON value, but not the names of its fields."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: _redacted_texts(each) for name, each in value.items()}
    return [_redacted_texts(each) for each in value] if isinstance(value, list | tuple) else value


def _encode(record: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def _decode(text: bytes, kind: type[Any], path: Path) -> Any:
    try:
        decoded = msgspec.json.decode(text, type=kind)
        if _LONG_NUMBER in text.translate(_DIGITS_AS_ZEROS) and _has_huge_integer(msgspec.json.decode(text)):
            raise RunFolderError(f"{path} cannot be read: it has an integer beyond 64 bits")
        return decoded
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path} cannot be read: {error}") from None
    except RecursionError:
        raise RunFolderError(f"{path} cannot be read: it is nested too deeply") from None


def _has_huge_integer(value: Any) -> bool:
    """Whether an integer of a JSON value is beyond 64 bits; no arithmetic of a report would bear it."""
    if isinstance(value, dict):
        return any(map(_has_huge_integer, value.values()))
    if isinstance(value, list):
        return any(map(_has_huge_integer, value))
    return isinstance(value, int) and abs(value) >= 1 << 63
