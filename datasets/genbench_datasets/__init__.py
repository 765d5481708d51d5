"""The embedded data sets: built from installed packages or from a formula, never downloaded.

Importing this announces them; it imports neither torch nor the packages that hold the data.
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench import DatasetCard, hookimpl
from genbench_datasets.cards import CARDS


@hookimpl
def genbench_datasets() -> Iterable[DatasetCard]:
    """Announce the embedded data sets."""
    return CARDS
