"""The folder of cached files on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "GENBENCH_DATA"


def cache_folder() -> Path:
    """The folder that the environment variable `GENBENCH_DATA` names, else the user's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("genbench")).expanduser()
