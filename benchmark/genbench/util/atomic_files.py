"""Writing a file as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, content: bytes, *, replace: bool = True) -> None:
    """All of the file or nothing of it, whatever is killed when. Without `replace` the first writer wins."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            return
        try:
            os.chmod(temporary, 0o644)
            os.link(temporary, path)
        except FileExistsError:
            pass
        except FileNotFoundError:  # cleared by a run that found another's result in place
            if not path.exists():
                raise
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


WORK_FOLDER = "work"
"""Beside the samples: what is not whole yet. The store removes it with the job's result."""
