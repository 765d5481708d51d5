"""A mirror of the published files, where this machine has one: `GENBENCH_TEST_MIRROR`, or shared/data beside the
working copy's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from genbench import DatasetCard

MIRROR = Path(os.environ.get("GENBENCH_TEST_MIRROR", Path(__file__).parents[3] / "shared" / "data"))


def needs_mirror_of(cards: Iterable[DatasetCard]) -> set[str]:
    """Names of the cards' files; skips the test where the mirror has not all of them."""
    names = {file.name for card in cards for file in card.files}
    absent = sorted(name for name in names if not (MIRROR / name).is_file())
    if absent:
        pytest.skip(f"no mirror of the data sets at {MIRROR}: {absent[0]} is not there")
    return names
