"""`imagefolder:PATH`: images of one size; where they lie in folders, each folder is a class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench_datasets.own_data.bad_files import OPTION as BAD_OPTION
from genbench_datasets.own_data.bad_files import BadFiles
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import OwnData, listed
from genbench_datasets.own_data.progress import shown
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.image_file import read_images, size_option
from genbench_datasets.own_data.request import Request, files_below
from genbench_datasets.own_data.split_names import split_of
from genbench_datasets.own_data.splitting import Indices, as_published, by_content

if TYPE_CHECKING:
    from genbench import Dataset

_OPTIONS = {"size": "", "only": "*", **BAD_OPTION}


def card(argument: str) -> DatasetCard:
    """The card of the folder that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _files(request: Request) -> Sequence[Path]:
    folder, only = request.folder(), request.text("only")
    files = files_below(folder, [only.lower()])
    if not files:
        raise BadFile(folder, "no files in it" if only == "*" else f"no files like {only} in it")
    return files


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    folder = request.folder()
    bad = BadFiles.asked(request)
    # what is wrong with the folders is said before thousands of files are read, unless some of them do not count
    arrangement = None if bad.skipped else _arrange(folder, files)
    read = read_images(
        files,
        size_option(request),
        lambda index: str(files[index]),
        shown(f"reading {folder.name}"),
        advice="; only=GLOB chooses among the files, as in only=*.png, and bad=skip leaves out what is no image",
        bad=bad,
    )
    images = read.images
    published, classes, y = arrangement or _arrange(folder, [files[index] for index in read.kept])
    parts = as_published(images, published) if published else by_content(images, y, classes)
    kind = "grey images" if images.shape[1] == 1 else "images in colour"
    about = f"{len(images):,} {kind}" + (f" in {len(classes)} classes: {listed(classes)}" if classes else "")
    return OwnData("image", images, parts, about + bad.words(), 256, y, classes, warnings=bad.warnings())


_Arrangement = tuple[dict[str, Indices] | None, tuple[str, ...], np.ndarray | None]


def _arrange(folder: Path, files: Sequence[Path]) -> _Arrangement:
    """The published splits, the names of the classes and the class numbers, as the folders say."""
    places = [file.relative_to(folder).parts[:-1] for file in files]
    published = _published_splits(folder, files, places)
    if published:
        places = [place[1:] for place in places]
    return (published, *_classes(folder, files, places))


def _published_splits(
    folder: Path, files: Sequence[Path], places: Sequence[tuple[str, ...]]
) -> dict[str, Indices] | None:
    """By name of the split, where the folders are called train, valid or test and there are no others."""
    tops = {place[0] if place else "" for place in places}
    if "train" not in tops or len(tops) < 2:
        return None
    if others := [top for top in tops if split_of(top) is None]:
        stray = next(file for file, place in zip(files, places, strict=True) if (place or ("",))[0] in others)
        raise BadFile(
            stray, f"beside {folder / 'train'}, which looks like a split; expected train, valid, test"
        )
    found: dict[str, Indices] = {}
    for top in sorted(tops):
        split = split_of(top)
        assert split is not None
        if split in found:
            raise BadFile(folder / top, f"a second {split} split")
        found[split] = np.array([index for index, place in enumerate(places) if place[0] == top])
    return found


def _classes(
    folder: Path, files: Sequence[Path], places: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names of the classes, and (N,) class numbers; none where there are not at least two folders."""
    loose = [file for file, place in zip(files, places, strict=True) if not place]
    if loose and len(loose) < len(files):
        beside = sorted({place[0] for place in places if place})
        raise BadFile(
            loose[0],
            f"lies beside the class folder{'s' * (len(beside) > 1)} {', '.join(beside[:8])}; expected images in class"
            " folders, or all of them without",
        )
    names = sorted({place[0] for place in places if place})
    if len(names) < 2:
        return (), None
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(names), np.array([numbers[place[0]] for place in places], np.int64)


READER = Reader("imagefolder", __name__, _OPTIONS, _files, _read)
