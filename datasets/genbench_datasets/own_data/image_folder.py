"""`imagefolder:PATH`: images of one size; where they lie in folders, each folder is a class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.examples import Examples, make_card, make_dataset, read_options

if TYPE_CHECKING:
    from genbench.data import Dataset

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"}


def card(argument: str) -> DatasetCard:
    """Of the folder that `argument` names. Raises DataError."""
    path, _ = read_options(argument, {}, Path.is_dir)
    return make_card("imagefolder", argument, read_folder(path), image_files(path), __name__)


def dataset(argument: str) -> Dataset:
    """The same, for the worker."""
    path, _ = read_options(argument, {}, Path.is_dir)
    return make_dataset("imagefolder", argument, read_folder(path))


def image_files(folder: Path) -> list[Path]:
    """In the order of their names. Raises DataError where there are none."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not files:
        raise DataError(f"{folder}: no images ({', '.join(sorted(_SUFFIXES))})")
    return files


def read_folder(folder: Path) -> Examples:
    """(N, 1, H, W) where all images are grey, else (N, 3, H, W), of 256 levels. Raises DataError that names the
    file that is broken or of another size."""
    files = image_files(folder)
    first = _pixels(files[0])
    images = [first]
    for file in files[1:]:
        image = _pixels(file)
        if image.shape[:2] != first.shape[:2]:
            raise DataError(
                f"{file}: {_size(image)} pixels, but {files[0].name} has {_size(first)}; all must be of one size"
            )
        images.append(image)
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images]
        x = np.stack(images).transpose(0, 3, 1, 2)
    else:
        x = np.stack(images)[:, None]
    parents = [file.relative_to(folder).parts[0] if file.parent != folder else "" for file in files]
    if "" in parents:
        return Examples("image", x, levels=256)
    names, y = np.unique(parents, return_inverse=True)
    return Examples("image", x, levels=256, y=y, classes=tuple(names))


def _pixels(file: Path) -> np.ndarray:
    """(H, W) or (H, W, 3) bytes."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            grey = image.mode in ("1", "L", "LA", "I;16", "I")
            return np.asarray(image.convert("L" if grey else "RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{file}: cannot be read as an image: {' '.join(str(error).split())}") from None


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
