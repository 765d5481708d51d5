"""From a data set card to examples in memory: versions, downloads, prepared files.

What data sets and data set sources of plugins need is here. Every name is loaded when it is first used, so that
cards are announced without NumPy and without whatever fetches files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.datasets.fetching import fetch, is_cached
    from genbench.datasets.versions import dataset_version, prepared_path
    from genbench.util.atomic_files import write_atomically
    from genbench.util.cache_folder import cache_folder
    from genbench.util.checksums import parse_checksum
    from genbench.util.source_hash import source_hash
    from genbench.util.tensor_files import WRITE_ERRORS, write_arrays

__all__ = [
    "WRITE_ERRORS",
    "cache_folder",
    "dataset_version",
    "fetch",
    "is_cached",
    "parse_checksum",
    "prepared_path",
    "source_hash",
    "write_arrays",
    "write_atomically",
]

_MODULE_OF = {
    "WRITE_ERRORS": "genbench.util.tensor_files",
    "cache_folder": "genbench.util.cache_folder",
    "dataset_version": "genbench.datasets.versions",
    "fetch": "genbench.datasets.fetching",
    "is_cached": "genbench.datasets.fetching",
    "parse_checksum": "genbench.util.checksums",
    "prepared_path": "genbench.datasets.versions",
    "source_hash": "genbench.util.source_hash",
    "write_arrays": "genbench.util.tensor_files",
    "write_atomically": "genbench.util.atomic_files",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'genbench.datasets' has no attribute {name!r}")
