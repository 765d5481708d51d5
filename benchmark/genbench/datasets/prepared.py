"""Data sets in the cache: prepared once, memory-mapped afterwards, so that workers share the pages.

A data set is built by its factory the first time, checked against its card, and written to the cache under a name that
holds a hash of everything it depends on. A damaged file is built again.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from genbench.api.cards import DatasetCard, load_factory
from genbench.api.data import Dataset, Split, Truth
from genbench.datasets.versions import prepared_path
from genbench.errors import DataError
from genbench.util.tensor_files import WRITE_ERRORS, read_tensors, write_tensors

_log = logging.getLogger(__name__)
_SPLITS = ("train", "valid", "test")
# The tensors of a `Split`, in the order of its fields.
_PARTS = ("x", "y", "grey", "starts", "lengths")


def load_dataset(card: DatasetCard, *, with_test: bool = True) -> Dataset:
    """The data set, read from the cache if it holds it, else built and stored there.

    with_test: without it, the test split is empty, and this process does not hold the examples of the real one.
    Where the cache cannot be read or written, the data set is built. Raises DataError where the data set is not what
    its card says, and PluginError where its factory cannot be imported.
    """
    path = prepared_path(card)
    dataset = _read(card, path, with_test)
    if dataset is None:
        dataset = _build(card)
        try:
            _write(dataset, path)
        except WRITE_ERRORS as error:
            _log.warning("%s cannot be stored in %s: %s", card.name, path.parent, error)
        else:
            dataset = _read(card, path, with_test) or dataset
    if not with_test and len(dataset.test):
        dataset = replace(dataset, test=_no_examples(dataset.test))
    return replace(dataset, truth=_load_truth(card))


def load_prepared(card: DatasetCard) -> Dataset | None:
    """The data set, without its truth, if the cache holds it whole. No factory is called and no file of the user's is
    read, so that the card may come from a stranger."""
    return _read(card, prepared_path(card), with_test=True)


def check_dataset(card: DatasetCard, dataset: Dataset) -> None:
    """Raise DataError where the data set is not what its card says, or has values outside its domain."""
    if dataset.spec != card.spec:
        raise DataError(f"{card.name}: its card says {card.spec}, its data {dataset.spec}")
    if dataset.truth is not None and card.truth is None:
        raise DataError(f"{card.name}: its data has a truth, its card names none")
    if card.truth is not None and card.spec.variable_length:
        raise DataError(
            f"{card.name}: a truth is for examples of one shape, and its examples have different lengths"
        )
    for name, size in zip(_SPLITS, card.sizes, strict=True):
        split: Split = getattr(dataset, name)
        where = f"{card.name} ({name})"
        if split.spec != card.spec:
            raise DataError(f"{where}: its card says {card.spec}, the split {split.spec}")
        if len(split) != size:
            raise DataError(f"{where}: its card says {size} examples, its data has {len(split)}")
        if size == 0:
            raise DataError(f"{where}: no examples")
        _check_values(where, split)
        _check_labels(where, split)


def _check_values(where: str, split: Split) -> None:
    if split.spec.levels is None:
        broken = int((~split.x.isfinite()).sum())
        if broken:
            raise DataError(f"{where}: {broken} values are not finite")
    else:
        _check_range(where, "values", split.x, split.spec.levels)


def _check_labels(where: str, split: Split) -> None:
    y, classes = split.y, split.spec.classes
    if y is None and classes is not None:
        raise DataError(f"{where}: no labels, though its card says {classes} classes")
    if y is not None:
        if classes is None:
            raise DataError(f"{where}: labels, though its card says nothing of classes")
        if y.dtype != torch.int64:
            raise DataError(f"{where}: labels are {y.dtype}, expected torch.int64")
        _check_range(where, "labels", y, classes)


def _check_range(where: str, what: str, x: Tensor, count: int) -> None:
    least, most = int(x.min()), int(x.max())
    if least < 0 or most >= count:
        raise DataError(f"{where}: {what} {least}..{most}, expected 0..{count - 1}")


def _build(card: DatasetCard) -> Dataset:
    factory = load_factory(card.factory)
    built = factory() if card.argument is None else factory(card.argument)
    if not isinstance(built, Dataset):
        raise DataError(f"{card.name}: {card.factory} returned {type(built).__name__}, expected a Dataset")
    check_dataset(card, built)
    return built


def _load_truth(card: DatasetCard) -> Truth | None:
    if card.truth is None:
        return None
    truth = load_factory(card.truth)()
    if not isinstance(truth, Truth):
        raise DataError(f"{card.name}: {card.truth} returned {type(truth).__name__}, expected a Truth")
    return truth


# ---- the file: tensors named "train.x", "train.y", "train.grey", "valid.x", ..., as `Split` stores them


def _read(card: DatasetCard, path: Path, with_test: bool) -> Dataset | None:
    """The data set without its truth, with an empty test split if it is not wanted; None where there is no file, or a
    damaged one."""
    try:
        tensors = read_tensors(path).tensors
        train, valid, test = (
            Split(card.spec, tensors[f"{name}.x"], *(tensors.get(f"{name}.{part}") for part in _PARTS[1:]))
            for name in _SPLITS
        )
    except (FileNotFoundError, RuntimeError):
        return None
    except (SafetensorError, OSError, KeyError, DataError) as error:
        _log.warning("%s is built again: %s: %s", card.name, path, error)
        return None
    return Dataset(card.spec, train, valid, test if with_test else _no_examples(test))


def _no_examples(split: Split) -> Split:
    """The split without its examples, and without a view of their memory."""
    return split.subset(torch.zeros(0, dtype=torch.int64))


def _write(dataset: Dataset, path: Path) -> None:
    tensors: dict[str, Tensor] = {}
    for name in _SPLITS:
        split: Split = getattr(dataset, name)
        for part in _PARTS:
            if (tensor := getattr(split, part)) is not None:
                tensors[f"{name}.{part}"] = tensor
    write_tensors(tensors, path)


def load_data(card: DatasetCard, *, with_test: bool = True) -> Dataset:
    """`load_dataset`, with DataError in place of any other exception."""
    try:
        return load_dataset(card, with_test=with_test)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{card.name}: {type(error).__name__}: {error}") from error
