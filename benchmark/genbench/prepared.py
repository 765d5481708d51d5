"""Data sets, prepared once and memory-mapped afterwards: workers share the pages and hold no copies.

A data set is built by its factory the first time, checked against its card, and written to the cache as
safetensors under a name that hashes all it depends on. A file that cannot be read is built again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from genbench.cards import DatasetCard, load_factory
from genbench.data import Dataset, Split
from genbench.data_cache import prepared_path
from genbench.errors import DataError

_SPLITS = ("train", "valid", "test")
_log = logging.getLogger(__name__)


def load_dataset(card: DatasetCard) -> Dataset:
    """The data set, from the cache where it is there, else built and put there.

    A cache that cannot be written costs time, not the data set. Raises DataError where the data set is not
    what its card says.
    """
    path = prepared_path(card)
    dataset = _read(card, path)
    if dataset is not None:
        return dataset
    built = load_factory(card.factory)()
    check_dataset(card, built)
    try:
        _write(built, path)
    except OSError as error:
        _log.warning("cannot keep %s prepared in %s: %s", card.name, path.parent, error.strerror)
        return _with_truth(card, built)
    return _read(card, path) or _with_truth(card, built)


def check_dataset(card: DatasetCard, dataset: Dataset) -> None:
    """Raise DataError where a data set is not what its card says, or holds values outside its domain."""
    if dataset.spec != card.spec:
        raise DataError(f"{card.name}: its card says {card.spec}, its data {dataset.spec}")
    sizes = (len(dataset.train), len(dataset.valid), len(dataset.test))
    if sizes != card.sizes:
        raise DataError(f"{card.name}: its card says sizes {card.sizes}, its data has {sizes}")
    for name in _SPLITS:
        _check_values(f"{card.name} ({name})", getattr(dataset, name))


def _check_values(where: str, split: Split) -> None:
    spec, x, y = split.spec, split.x, split.y
    if len(split) == 0:
        raise DataError(f"{where}: no examples")
    if spec.levels is None:
        broken = int((~x.isfinite()).sum())
        if broken:
            raise DataError(f"{where}: {broken} values are not finite")
    elif int(x.min()) < 0 or int(x.max()) >= spec.levels:
        raise DataError(f"{where}: values {int(x.min())}..{int(x.max())}, expected 0..{spec.levels - 1}")
    if (y is not None) != (spec.classes is not None):
        raise DataError(f"{where}: labels and classes must come together")
    if y is not None and spec.classes is not None and (int(y.min()) < 0 or int(y.max()) >= spec.classes):
        raise DataError(f"{where}: labels {int(y.min())}..{int(y.max())}, expected 0..{spec.classes - 1}")


def _read(card: DatasetCard, path: Path) -> Dataset | None:
    if not path.exists():
        return None
    try:
        # on the CPU these tensors share their storage with the file
        with safe_open(path, framework="pt") as file:
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        train, valid, test = (
            Split(card.spec, tensors[f"{name}.x"], tensors.get(f"{name}.y")) for name in _SPLITS
        )
    except (SafetensorError, OSError, KeyError, DataError) as error:
        _log.warning("%s is built again: %s cannot be read: %s", card.name, path, error)
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    return _with_truth(card, Dataset(card.spec, train, valid, test))


def _with_truth(card: DatasetCard, dataset: Dataset) -> Dataset:
    return replace(dataset, truth=load_factory(card.truth)()) if card.truth else dataset


def _write(dataset: Dataset, path: Path) -> None:
    tensors: dict[str, Tensor] = {}
    for name in _SPLITS:
        split: Split = getattr(dataset, name)
        tensors[f"{name}.x"] = split.x.contiguous()
        if split.y is not None:
            tensors[f"{name}.y"] = split.y.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    os.close(descriptor)
    try:
        save_file(tensors, temporary)
        os.replace(temporary, path)
    except Exception as error:  # safetensors has errors of its own for a full disk
        raise error if isinstance(error, OSError) else OSError(0, str(error)) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
