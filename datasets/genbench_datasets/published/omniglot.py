"""OMNIGLOT at 28x28, prepared as for importance-weighted autoencoders (Burda, Grosse & Salakhutdinov 2016)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from genbench import Dataset, DataSpec, Split
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.files import OMNIGLOT
from genbench_datasets.published.specs import SPECS
from genbench_datasets.published.standard_images import binary_draw

_VALID = 1_345
_SHUFFLE_SEED = 123  # of Burda et al.
_DRAW_SEEDS = {"train": 0, "valid": 1, "test": 2}
_NAMES = ("data", "target", "testdata", "testtarget")

Characters = tuple[UInt8[np.ndarray, "_ 28 28"], Int[np.ndarray, " _"]]


def omniglot() -> Dataset:
    """(1, 28, 28) of 0 and 1, fifty alphabets as classes; the training split keeps its grey levels and is drawn
    anew in every epoch, the others are one fixed draw."""
    (file,) = OMNIGLOT
    training, testing = read_characters(fetch(file))
    return omniglot_dataset(SPECS["omniglot"], training, testing, _VALID)


def omniglot_dataset(spec: DataSpec, training: Characters, testing: Characters, valid: int) -> Dataset:
    """Training characters shuffled as by Burda, Grosse & Salakhutdinov (2016), the last `valid` to validate."""
    images, alphabets = training
    # the stream of this older generator is fixed for good, and the split is theirs
    order = np.random.RandomState(_SHUFFLE_SEED).permutation(len(images))

    def split(name: str, grey: np.ndarray, classes: np.ndarray) -> Split:
        levels = torch.from_numpy(grey).unsqueeze(1)
        x = torch.from_numpy(binary_draw(grey, _DRAW_SEEDS[name])).unsqueeze(1)
        return Split(spec, x, torch.from_numpy(classes), levels if name == "train" else None)

    train, held_out = order[:-valid], order[-valid:]
    return Dataset(
        spec,
        split("train", images[train], alphabets[train]),
        split("valid", images[held_out], alphabets[held_out]),
        split("test", *testing),
    )


def read_characters(path: Path) -> tuple[Characters, Characters]:
    """Training and test characters: grey levels 0..255 and the alphabet of each. Raises DataError.

    For each character the MATLAB file has a column of 784 intensities in [0, 1], and a column that is 1 at its
    alphabet.
    """
    try:
        tables = loadmat(str(path), variable_names=_NAMES)
        images, alphabets, test_images, test_alphabets = (tables[name] for name in _NAMES)
    except (OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError, MatReadError) as error:
        raise DataError(f"{path}: no tables {', '.join(_NAMES)} of MATLAB: {error!r}") from None
    return (
        (_grey(path, images), _classes(path, alphabets, images)),
        (_grey(path, test_images), _classes(path, test_alphabets, test_images)),
    )


def _grey(path: Path, columns: Float[np.ndarray, "pixels count"]) -> UInt8[np.ndarray, "count 28 28"]:
    if columns.ndim != 2 or len(columns) != 784 or not ((columns >= 0) & (columns <= 1)).all():
        raise DataError(
            f"{path}: a table of characters has shape {columns.shape}, expected 784 intensities in [0, 1] a column"
        )
    # pixels are stored column by column
    return np.rint(columns.T * 255.0).astype(np.uint8).reshape(-1, 28, 28).transpose(0, 2, 1).copy()


def _classes(path: Path, columns: np.ndarray, characters: np.ndarray) -> Int[np.ndarray, " count"]:
    if columns.ndim != 2 or columns.shape[1] != characters.shape[1] or (columns.sum(0) != 1).any():
        raise DataError(
            f"{path}: a table of alphabets has shape {columns.shape}, expected {characters.shape[1]} columns with"
            " a single 1"
        )
    classes: Int[np.ndarray, " count"] = columns.argmax(0).astype(np.int64)
    return classes
