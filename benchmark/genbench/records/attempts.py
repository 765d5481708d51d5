"""Attempts at a job: each writes its files into a folder of its own, so that none overwrites the files of another.

    jobs/ID/attempt-0123456789ab/     samples, log, and whatever else the job keeps: the parts of its result

The record is published last. It names the attempt and the checksums of its parts, so that a record and its parts are
there together or not at all.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from genbench.util.checksums import checksum_of

_NAME = re.compile(r"attempt-[0-9a-f]{12}")
WORK_FOLDER = "work"
"""In the folder of an attempt: files that are not finished. Removed before the record is published."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a job."""

    folder: Path
    """Its folder, which is made when its first file is written."""

    @classmethod
    def new(cls, job_folder: Path) -> Attempt:
        """An attempt that no other process has."""
        return cls(job_folder / f"attempt-{uuid.uuid4().hex[:12]}")

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def samples_path(self) -> Path:
        return self.folder / "samples.safetensors"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"


def is_attempt_name(name: str) -> bool:
    """Whether it is the name of an attempt's folder. A record may come from a stranger, and might name any folder."""
    return _NAME.fullmatch(name) is not None


def seal_parts(folder: Path) -> dict[str, str]:
    """Write the parts in the folder of an attempt to the disk, and return the SHA-256 of each by its name.

    Raises OSError if one cannot be read.
    """
    if not folder.is_dir():
        return {}
    parts = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # a file system that cannot
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        parts[path.name] = checksum_of(path, "sha256").digest
    return parts
