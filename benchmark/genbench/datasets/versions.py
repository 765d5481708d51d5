"""Where prepared data sets lie, and what their version is. Free of torch: planning needs no data."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from genbench.api.cards import DatasetCard
from genbench.util.cache_folder import cache_folder
from genbench.util.source_hash import source_hash

_LAYOUT = "3"
"""Of the prepared files.

1  first.
2  a checksum of the examples.
3  grey levels, for binarisation that is drawn anew.
"""


def dataset_version(card: DatasetCard) -> str:
    """What a job records: the card's version, and a hash of all that the data set depends on: its spec, its
    sizes, and the source that builds it and its truth. Words on the card may change without harm."""
    sources = [source_hash(factory) for factory in (card.factory, card.truth) if factory]
    files = [file.checksum for file in card.files]
    what = (_LAYOUT, card.version, card.spec, card.sizes, sources, files, card.argument)
    described = msgspec.json.encode(what)
    return f"{card.version}+{hashlib.sha256(described).hexdigest()[:8]}"


def prepared_path(card: DatasetCard) -> Path:
    """Where the prepared data set lies, or will lie."""
    # a name may be a user's path
    name = re.sub(r"[^\w.-]+", "_", card.name)[-80:]
    return cache_folder() / "prepared" / f"{name}-{dataset_version(card)}.safetensors"
