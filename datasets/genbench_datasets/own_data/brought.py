"""Samples of others, `score --samples PATH`: tables, images, texts and MIDI files, read as a data set has its examples.

A reader of data sets finds shape, size and alphabet in the files. Here they are those of the data set that the samples
are to be like, and whatever does not fit is refused with the place where it stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbench import DatasetCard
from genbench.errors import DataError, UsageError
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.readers.characters import one_line_end
from genbench_datasets.own_data.readers.image_file import read_images
from genbench_datasets.own_data.readers.midi_file import read_roll
from genbench_datasets.own_data.readers.table import Table
from genbench_datasets.own_data.readers.table_text import OPTIONS as TEXT_OPTIONS
from genbench_datasets.own_data.request import Request, files_below
from genbench_datasets.piano_roll import windows_of

Array = NDArray[Any]
_IMAGES = ("*.png", "*.jpg", "*.jpeg", "*.bmp", "*.gif", "*.webp", "*.tif", "*.tiff")
_TABLE_OPTIONS = {"columns": "", "drop": "", "header": "yes", "index": "no", **TEXT_OPTIONS}


def table(argument: str, card: DatasetCard) -> Array:
    """(N, D) float64: a row per sample, with a header unless `header=no`. Raises DataError, UsageError."""
    request = Request.parse("csv", argument, _TABLE_OPTIONS)
    read = Table(request.file(), request)
    wanted = read.choose(request.names("columns"), request.names("drop"), "")
    if len(wanted) != card.spec.dimension:
        raise BadFile(
            read.path,
            f"{len(wanted)} column{'s' * (len(wanted) != 1)}, but an example of {card.name} has"
            f" {card.spec.dimension} numbers",
        )
    return np.stack(read.numbers(wanted), axis=1).astype(np.float64)


def images(argument: str, card: DatasetCard) -> Array:
    """(N, C, H, W) uint8: all images of a folder, folders within it too. Raises DataError, UsageError."""
    if card.spec.modality != "image":
        raise UsageError(f"images are no samples of {card.name}, which has {card.spec.modality}")
    channels, height, width = card.spec.event_shape
    request = Request.parse("imagefolder", argument, {"size": ""})
    path = request.path()
    files = [path] if path.is_file() else files_below(path, _IMAGES)
    found = read_images(files, None, lambda index: str(files[index])).images
    if found.shape[2:] != (height, width):
        raise BadFile(
            files[0], f"{found.shape[3]}x{found.shape[2]} pixels, but {card.name} has {width}x{height}"
        )
    if found.shape[1] == 1 and channels == 3:
        found = np.repeat(found, 3, axis=1)
    if found.shape[1] != channels:
        raise BadFile(
            files[0], f"in colour, but {card.name} has images with {channels} channel{'s' * (channels > 1)}"
        )
    if card.spec.levels == 2 and set(np.unique(found)) <= {0, 255}:
        return found // 255  # black and white, as files of images have them
    return found


def text(argument: str, card: DatasetCard) -> Array:
    """(N, length) codes in the alphabet of the data set. One file is cut into windows, what is left over is dropped; in
    a folder each file is a sample. Raises DataError, UsageError."""
    if card.alphabet is None or card.spec.modality != "tokens":
        raise UsageError(
            f"{card.name} has no alphabet on its card, so that text cannot be read as its examples; bring the codes"
            f" 0..{(card.spec.levels or 1) - 1} as .npy"
        )
    (length,) = card.spec.event_shape
    path = Request.parse("text", argument, {}).path()
    files = [path] if path.is_file() else files_below(path, ["*.txt"])
    rows = []
    for file in files:
        try:
            whole = one_line_end(file.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise BadFile(file, f"not UTF-8 at byte {error.start}") from None
        if path.is_dir():
            whole = whole[: length + 1].removesuffix("\n") if len(whole) > length else whole
            if len(whole) != length:
                raise BadFile(file, f"{len(whole)} characters, but an example of {card.name} has {length}")
        unknown = sorted(set(whole) - set(card.alphabet))
        if unknown:
            line = whole.count("\n", 0, whole.index(unknown[0])) + 1
            raise BadFile(file, f"line {line}: {unknown[0]!r} is not in the alphabet of {card.name}")
        codes = {symbol: code for code, symbol in enumerate(card.alphabet)}
        rows.append(np.array([codes[symbol] for symbol in whole], np.int64))
    windows = [row[: len(row) // length * length].reshape(-1, length) for row in rows]
    found: Array = np.concatenate(windows) if windows else np.zeros((0, length), np.int64)
    if not len(found):
        raise DataError(f"{path}: fewer characters than the {length} of an example of {card.name}")
    return found


def midi(argument: str, card: DatasetCard) -> Array:
    """(N, steps, 88) of 0 and 1: windows of all MIDI files of a folder, or of one. Raises DataError, UsageError."""
    if card.spec.modality != "pianoroll" or card.spec.variable_length or card.spec.event_shape[1:] != (88,):
        raise UsageError(
            f"MIDI files are read for piano rolls (steps, 88) of one length; {card.name} has {card.spec.modality}"
            f" {card.spec.event_shape}: bring an array"
        )
    request = Request.parse("midi", argument, {"per_quarter": "4", "outside": "refuse"})
    per_quarter = request.required("per_quarter", 1)
    drop = request.choice("outside", ("refuse", "drop")) == "drop"
    path, steps = request.path(), card.spec.event_shape[0]
    files = [path] if path.is_file() else files_below(path, ["*.mid", "*.midi"])
    windows = []
    for file in files:
        cut = windows_of(read_roll(file, per_quarter, drop_outside=drop), steps)
        if not len(cut):
            raise BadFile(
                file,
                f"shorter than the {steps} steps of an example of {card.name}, {per_quarter} per quarter",
            )
        windows.append(cut)
    return np.concatenate(windows)


def midi_prompt(argument: str, card: DatasetCard) -> Array:
    """(T, 88) of 0 and 1: the whole of one MIDI file, with two steps to a quarter note unless the argument says
    otherwise, as files that the commands `continue` and `music` write. Raises DataError, UsageError."""
    if card.spec.modality != "pianoroll" or card.spec.step_shape != (88,):
        raise UsageError(
            f"a MIDI file is a prompt for piano rolls of 88 keys; {card.name} is {card.spec.modality}"
        )
    request = Request.parse("midi", argument, {"per_quarter": "2", "outside": "refuse"})
    drop = request.choice("outside", ("refuse", "drop")) == "drop"
    return read_roll(request.file(), request.required("per_quarter", 1), drop_outside=drop)
