"""The folder of cached files on this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

from genbench.errors import UsageError

CACHE_VARIABLE = "GENBENCH_DATA"


def cache_folder() -> Path:
    """The folder that the environment variable `GENBENCH_DATA` names, else the user's cache folder. A user without a
    home, as in many containers, has one among the temporary files.

    Raises UsageError if there is none that belongs to the user.
    """
    try:
        return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("genbench")).expanduser()
    except RuntimeError as error:  # no HOME, and no entry in the list of users
        if os.environ.get(CACHE_VARIABLE):
            raise UsageError(f"{CACHE_VARIABLE}: {error}") from None
    return _temporary_folder()


def _temporary_folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"genbench-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise UsageError(
            f"there is no home folder, and {folder} cannot be made ({error.strerror}); set {CACHE_VARIABLE}"
        ) from None
    # another user may have made it first, to be read from
    if hasattr(os, "getuid") and (found.st_uid != user or found.st_mode & 0o022):
        raise UsageError(f"there is no home folder, and {folder} belongs to others; set {CACHE_VARIABLE}")
    return folder
