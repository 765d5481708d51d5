"""`npy:PATH`: one array, first axis the examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.examples import Examples, make_card, make_dataset, read_options

if TYPE_CHECKING:
    from genbench.data import Dataset


def card(argument: str) -> DatasetCard:
    """Of the array that `argument` names. Raises DataError."""
    path, _ = read_options(argument, {})
    return make_card("npy", argument, read_array(path), [path], __name__)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    path, _ = read_options(argument, {})
    return make_dataset("npy", argument, read_array(path))


def read_array(path: Path) -> Examples:
    """Floats: (N, D) points, (N, T, C) series, (N, C, H, W) images. Bytes: (N, H, W) grey images or
    (N, C, H, W) images of 256 levels. Pickled arrays are refused. Raises DataError."""
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{path}: not a plain .npy file: {error}") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: holds several arrays, expected one")
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        images = array[:, None] if array.ndim == 3 else array
        return Examples("image", images, levels=256)
    if array.dtype.kind == "f" and array.ndim in (2, 3, 4):
        broken = np.argwhere(~np.isfinite(array))
        if len(broken):
            raise DataError(
                f"{path}: example {broken[0][0]} has a value that is not finite, at {broken[0][1:].tolist()}"
            )
        modality = {2: "points", 3: "series", 4: "image"}[array.ndim]
        return Examples(modality, array.astype(np.float32))  # type: ignore[arg-type]
    raise DataError(
        f"{path}: {array.dtype} of shape {array.shape}; expected floats (N, D), (N, T, C) or (N, C, H, W), or bytes"
        " (N, H, W) or (N, C, H, W)"
    )
