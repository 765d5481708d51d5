"""What a reader makes of files, and what becomes of it: a card for the plan, a data set for the worker."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

from genbench import DatasetCard, DataSpec
from genbench.cards import Modality
from genbench.errors import DataError, UnknownNameError

if TYPE_CHECKING:
    from genbench.data import Dataset

FEWEST = 10
"""Examples that a data set needs, so that each split has two."""

_BY_HASH = (
    "60/20/20 by the SHA-256 of each example's bytes, the first to test, then valid, then train: the order of"
    " the file does not matter, and equal examples share a split"
)
_IN_ORDER = "80/10/10 in the order of the file"
Chosen = Shaped[np.ndarray, " count"]


@dataclass(frozen=True)
class Examples:
    """modality, levels: as in `DataSpec`. x: (N, *event_shape), uint8 or int64 where levels is set, else
    float32. y: (N,) class numbers, or None. classes: their names. in_order: x is a sequence that must not be
    shuffled."""

    modality: Modality
    x: Shaped[np.ndarray, "count *event"]
    levels: int | None = None
    y: Shaped[np.ndarray, " count"] | None = None
    classes: tuple[str, ...] = ()
    in_order: bool = False


def make_card(
    scheme: str, argument: str, examples: Examples, files: Iterable[Path], module: str
) -> DatasetCard:
    """The card of "scheme:argument". Its version is a hash of the files: edited data never meet old results."""
    train, valid, test = split_examples(examples)
    return DatasetCard(
        spec=_spec(f"{scheme}:{argument}", examples),
        summary=f"own data: {len(examples.x)} examples",
        sizes=(len(train), len(valid), len(test)),
        splits=_IN_ORDER if examples.in_order else _BY_HASH,
        source=argument,
        licence="unknown: own data",
        citation="none: own data",
        factory=f"{module}:dataset",
        argument=argument,
        version=_hash_of(files),
    )


def make_dataset(scheme: str, argument: str, examples: Examples) -> Dataset:
    """The data set, in the worker."""
    import torch

    from genbench.data import Dataset, Split

    spec = _spec(f"{scheme}:{argument}", examples)

    def split(chosen: Chosen) -> Split:
        y = None if examples.y is None else torch.from_numpy(examples.y[chosen].astype(np.int64))
        return Split(spec, torch.from_numpy(np.ascontiguousarray(examples.x[chosen])), y)

    train, valid, test = (split(chosen) for chosen in split_examples(examples))
    return Dataset(spec, train, valid, test)


def split_examples(examples: Examples) -> tuple[Chosen, Chosen, Chosen]:
    """Indices of train, valid and test. Raises DataError where there are too few different examples."""
    count = len(examples.x)
    if count < FEWEST:
        raise DataError(f"{count} example{'s' * (count != 1)}: a data set needs at least {FEWEST}")
    if examples.in_order:
        ends = count * 8 // 10, count * 9 // 10
        train, valid, test = np.split(np.arange(count), ends)
        return train, valid, test
    digests = [hashlib.sha256(example.tobytes()).digest() for example in examples.x]
    order = {digest: rank for rank, digest in enumerate(sorted(set(digests)))}
    if len(order) < 5:
        raise DataError(f"only {len(order)} different examples: a data set needs at least 5")
    rank = np.array([order[digest] for digest in digests]) * 5 // len(order)
    return np.flatnonzero(rank >= 2), np.flatnonzero(rank == 1), np.flatnonzero(rank == 0)


def read_options(
    argument: str, defaults: Mapping[str, str], kind: Callable[[Path], bool] = Path.is_file
) -> tuple[Path, dict[str, str]]:
    """Read "PATH?key=value&key=value". Raises DataError where there is no such path, UnknownNameError for keys."""
    place, _, query = argument.partition("?")
    path = Path(place).expanduser()
    options = dict(defaults)
    for key, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if key not in defaults:
            raise UnknownNameError("option", key, defaults)
        options[key] = value
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if not kind(path):
        raise DataError(f"{path}: expected {'a file' if path.is_dir() else 'a folder'}")
    return path, options


def _spec(name: str, examples: Examples) -> DataSpec:
    return DataSpec(
        name=name,
        modality=examples.modality,
        event_shape=tuple(examples.x.shape[1:]),
        levels=examples.levels,
        classes=len(examples.classes) if examples.y is not None else None,
    )


def _hash_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
