"""The library `datasets` of Hugging Face: an optional extra, imported only where it is used.

By name, for type checkers: a folder of this project is called datasets too (docs/decisions/0001-source-roots.md).
"""

from __future__ import annotations

import importlib
from typing import Any

from genbench.errors import UsageError

HfDataset = Any
"""A `datasets.Dataset`: one split."""
Splits = dict[str, HfDataset]


def import_library() -> Any:
    """Raises UsageError where it is not installed."""
    try:
        return importlib.import_module("datasets")
    except ImportError:
        raise UsageError("hf: needs the package datasets; pip install 'genbench[hf]' brings it") from None
