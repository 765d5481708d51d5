"""Whether a file system can hold a run, found out before anything is trained."""

from __future__ import annotations

import contextlib
import mmap
import os
import uuid
from pathlib import Path

from genbench.errors import RunFolderError


def check_run_folder(folder: Path) -> None:
    """Raise RunFolderError, in one line, unless files in the folder can be created by one process alone, renamed, and
    mapped into memory. Hard links, permissions and locks are not needed. Raises OSError where nothing can be written.
    """
    path = folder.absolute()
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = str(path).encode("utf-8", "backslashreplace").decode()
        raise RunFolderError(
            f"the path {shown} is not UTF-8, which the records of a run cannot hold; choose another folder with --out"
        ) from None
    first, second = (folder / f".check.{uuid.uuid4().hex}" for _ in range(2))
    try:
        with first.open("xb") as file:
            file.write(b"content")
        with contextlib.suppress(FileExistsError):
            first.open("xb").close()
            raise RunFolderError(
                f"{folder} is on a file system on which two processes can create one file; choose another with --out"
            )
        os.replace(first, second)
        with second.open("rb") as file:
            try:
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).close()
            except OSError as error:
                raise RunFolderError(
                    f"files in {folder} cannot be mapped into memory ({error.strerror}); choose another --out"
                ) from None
    finally:
        for each in (first, second):
            each.unlink(missing_ok=True)
