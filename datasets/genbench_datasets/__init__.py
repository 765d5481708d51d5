"""The built-in data sets: embedded ones, from installed packages or a formula, and published ones, fetched once.

Importing this announces them; it imports neither torch nor the packages that hold the data.
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench import DatasetCard, DatasetSourceCard, hookimpl
from genbench_datasets.embedded.cards import CARDS as EMBEDDED
from genbench_datasets.own_data import SOURCES
from genbench_datasets.published.cards import CARDS as PUBLISHED


@hookimpl
def genbench_datasets() -> Iterable[DatasetCard]:
    """Announce them, embedded ones first."""
    return (*EMBEDDED, *PUBLISHED)


@hookimpl
def genbench_dataset_sources() -> Iterable[DatasetSourceCard]:
    """Announce `csv:PATH` and its like."""
    return SOURCES
