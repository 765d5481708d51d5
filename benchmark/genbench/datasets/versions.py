"""The versions of data sets, and the files of prepared ones. Free of torch: planning needs no data."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from genbench.api.cards import DatasetCard
from genbench.util.cache_folder import cache_folder
from genbench.util.source_hash import source_hash

_LAYOUT = "3"
"""Version of the format of prepared files.

1  the first.
2  with a checksum of the examples.
3  with grey levels, for binarisation that is drawn anew.
"""


def dataset_version(card: DatasetCard) -> str:
    """The version that jobs record: the card's version, and a hash of what the data set depends on: its spec, its
    sizes, and the source code that builds it and its truth. A changed description on the card does not change the
    version."""
    sources = [source_hash(factory) for factory in (card.factory, card.truth) if factory]
    files = [file.checksum for file in card.files]
    spec = msgspec.to_builtins(card.spec)
    if not card.spec.variable_length:  # added later: the versions of data sets without it stay as they were
        del spec["variable_length"]
    if card.spec.source_steps is None:
        del spec["source_steps"]
    what = (_LAYOUT, card.version, spec, card.sizes, sources, files, card.argument)
    described = msgspec.json.encode(what)
    return f"{card.version}+{hashlib.sha256(described).hexdigest()[:8]}"


def prepared_path(card: DatasetCard) -> Path:
    """The path of the prepared data set, whether or not the file exists."""
    # a name may be a user's path
    name = re.sub(r"[^\w.-]+", "_", card.name)[-80:]
    return cache_folder() / "prepared" / f"{name}-{dataset_version(card)}.safetensors"
