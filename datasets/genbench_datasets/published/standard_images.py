"""MNIST, Fashion-MNIST, MNIST made binary once (Larochelle) or anew in every epoch, and CIFAR-10."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from genbench import Dataset, DataSpec, RemoteFile, Split
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.binary_text import read_binary_text
from genbench_datasets.published.files import CIFAR10, FASHION_MNIST, MNIST, MNIST_STATIC
from genbench_datasets.published.idx_file import read_idx
from genbench_datasets.published.specs import SPECS

_TRAIN = 50_000
_CIFAR_TRAIN = 45_000
_CIFAR_RECORD = 1 + 3 * 32 * 32
_DRAW_SEEDS = {"train": 0, "valid": 1, "test": 2}
_ROWS_AT_ONCE = 5_000


def mnist() -> Dataset:
    """(1, 28, 28) of integers 0..255, ten classes."""
    return _from_idx(SPECS["mnist"], MNIST)


def fashion_mnist() -> Dataset:
    """(1, 28, 28) of integers 0..255, ten classes."""
    return _from_idx(SPECS["fashion-mnist"], FASHION_MNIST)


def mnist_static() -> Dataset:
    """(1, 28, 28) of 0 and 1, as Larochelle drew them; the files have no labels."""
    spec = SPECS["mnist-static"]
    train, valid, test = (
        Split(spec, torch.from_numpy(read_binary_text(fetch(file), 784, " ")).reshape(-1, 1, 28, 28))
        for file in MNIST_STATIC
    )
    return Dataset(spec, train, valid, test)


def mnist_dynamic() -> Dataset:
    """(1, 28, 28) of 0 and 1; the training split keeps its grey levels and is drawn anew in every epoch
    (Salakhutdinov & Murray 2008), the others are one fixed draw."""
    spec, grey = SPECS["mnist-dynamic"], mnist()

    def draw(name: str) -> Split:
        split: Split = getattr(grey, name)
        x = torch.from_numpy(binary_draw(split.x.numpy(), _DRAW_SEEDS[name]))
        return Split(spec, x, split.y, split.x if name == "train" else None)

    return Dataset(spec, draw("train"), draw("valid"), draw("test"))


def cifar10() -> Dataset:
    """(3, 32, 32) of integers 0..255, ten classes: the first four training batches and half of the fifth to
    train, its other half to validate."""
    (file,) = CIFAR10
    names = [f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)]
    *training, testing = read_cifar_batches(fetch(file), [*names, "cifar-10-batches-bin/test_batch.bin"])
    records = np.concatenate(training)

    def split(chosen: np.ndarray) -> Split:
        x = torch.from_numpy(chosen[:, 1:].copy()).reshape(-1, 3, 32, 32)
        return Split(SPECS["cifar10"], x, torch.from_numpy(chosen[:, 0].astype(np.int64)))

    return Dataset(
        SPECS["cifar10"], split(records[:_CIFAR_TRAIN]), split(records[_CIFAR_TRAIN:]), split(testing)
    )


def read_cifar_batches(path: Path, names: Sequence[str]) -> list[UInt8[np.ndarray, "count 3073"]]:
    """Records of a label and 3,072 bytes of red, green and blue, from members of the archive. Nothing is
    written to the disk. Raises DataError."""
    batches = []
    try:
        with tarfile.open(path) as archive:
            for name in names:
                member = archive.extractfile(name)
                content = b"" if member is None else member.read()
                if len(content) == 0 or len(content) % _CIFAR_RECORD:
                    raise DataError(f"{path}: {name} has {len(content)} bytes, no whole number of records")
                batches.append(np.frombuffer(content, np.uint8).reshape(-1, _CIFAR_RECORD))
    except KeyError:
        raise DataError(f"{path}: holds no {name}") from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not the archive it should be: {error}") from None
    return batches


def binary_draw(grey: UInt8[np.ndarray, "count *event"], seed: int) -> UInt8[np.ndarray, "count *event"]:
    """Each pixel 1 with probability grey / 255.

    From the raw words of PCG64, whose stream is fixed: the way a library turns them into floats may change.
    """
    words = np.random.PCG64(seed)
    drawn = np.empty_like(grey)
    for start in range(0, len(grey), _ROWS_AT_ONCE):
        rows = grey[start : start + _ROWS_AT_ONCE]
        uniform = (words.random_raw(rows.size) >> np.uint64(11)) * 2.0**-53
        drawn[start : start + _ROWS_AT_ONCE] = uniform.reshape(rows.shape) * 255 < rows
    return drawn


def _from_idx(spec: DataSpec, files: Sequence[RemoteFile]) -> Dataset:
    """The first 50,000 training images to train, the last 10,000 to validate, the test file to test."""
    images, labels, test_images, test_labels = (read_idx(fetch(file)) for file in files)
    for pictures, classes, name in ((images, labels, "training"), (test_images, test_labels, "test")):
        if len(pictures) != len(classes):
            raise DataError(f"{spec.name}: {len(pictures)} {name} images, {len(classes)} labels")

    def split(pictures: np.ndarray, classes: np.ndarray) -> Split:
        x = torch.from_numpy(pictures.copy()).unsqueeze(1)
        return Split(spec, x, torch.from_numpy(classes.astype(np.int64)))

    return Dataset(
        spec,
        split(images[:_TRAIN], labels[:_TRAIN]),
        split(images[_TRAIN:], labels[_TRAIN:]),
        split(test_images, test_labels),
    )
