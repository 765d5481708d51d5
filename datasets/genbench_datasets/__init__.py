"""The built-in data sets: embedded ones, from installed packages or a formula, and published ones, fetched once.

Importing this announces them; it imports neither torch nor the packages that hold the data.
"""

from __future__ import annotations

from collections.abc import Iterable

from genbench import DatasetCard, hookimpl
from genbench_datasets import cards, published_cards


@hookimpl
def genbench_datasets() -> Iterable[DatasetCard]:
    """Announce them, embedded ones first."""
    return (*cards.CARDS, *published_cards.CARDS)
