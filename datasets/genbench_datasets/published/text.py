"""Texts as windows of characters."""

from __future__ import annotations

import zipfile

import numpy as np

from genbench import Dataset
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.published.files import TEXT8, TINY_SHAKESPEARE
from genbench_datasets.published.specs import SPECS
from genbench_datasets.text_windows import text_dataset


def tiny_shakespeare() -> Dataset:
    """(256,) of codes 0..64, the places of the characters in sorted order."""
    (file,) = TINY_SHAKESPEARE
    characters = np.fromfile(fetch(file), np.uint8)
    _, codes = np.unique(characters, return_inverse=True)
    train = len(codes) * 9 // 10
    middle = train + (len(codes) - train) // 2
    return text_dataset(SPECS["tiny-shakespeare"], codes.astype(np.uint8), train, middle)


def text8() -> Dataset:
    """(256,) of codes 0..26: the space, then a to z."""
    (file,) = TEXT8
    path = fetch(file)
    try:
        with zipfile.ZipFile(path) as archive:
            characters = np.frombuffer(archive.read("text8"), np.uint8)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{path}: {error}") from None
    codes = np.where(characters == ord(" "), 0, characters - np.uint8(ord("a") - 1)).astype(np.uint8)
    return text_dataset(SPECS["text8"], codes, len(codes) * 9 // 10, len(codes) * 95 // 100)
