"""`midi:PATH`: a folder of MIDI files, each a piece, or one file: windows of piano rolls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.own_data import OwnData
from genbench_datasets.own_data.progress import shown
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.midi_file import read_roll
from genbench_datasets.own_data.request import Request, files_below
from genbench_datasets.own_data.splitting import MIN_EXAMPLES_IN_ORDER, by_piece, in_order
from genbench_datasets.piano_roll import starts_in_pieces, windows_of

if TYPE_CHECKING:
    from genbench import Dataset

_OPTIONS = {"window": "32", "per_quarter": "4", "outside": "refuse"}


def card(argument: str) -> DatasetCard:
    """The card of the file or folder that `argument` names. Raises DataError, UsageError."""
    return READER.card(argument)


def dataset(argument: str) -> Dataset:
    """The data set of a card's `argument`, for the worker. Raises DataError."""
    return READER.dataset(argument)


def _files(request: Request) -> Sequence[Path]:
    path = request.path()
    if path.is_file():
        return [path]
    files = files_below(path, ("*.mid", "*.midi"))
    if not files:
        raise BadFile(path, "no MIDI files (.mid, .midi) in it")
    return files


def _read(request: Request, files: Sequence[Path]) -> OwnData:
    steps, per_quarter = request.required("window", 1), request.required("per_quarter", 1)
    drop = request.choice("outside", ("refuse", "drop")) == "drop"
    through = shown(f"reading {request.path().name}")
    rolls = [read_roll(file, per_quarter, drop_outside=drop) for file in through(files)]
    windows = [windows_of(roll, steps) for roll in rolls]
    counts = [len(each) for each in windows]
    longest = max(len(roll) for roll in rolls)
    if longest < steps:
        raise DataError(
            f"the longest of {len(files)} file{'s' * (len(files) != 1)} has {longest} steps, {per_quarter} to a"
            f" quarter note; a window takes {steps}"
        )
    grid = f"{steps} steps, {per_quarter} to a quarter note"
    if request.path().is_file():
        if counts[0] < MIN_EXAMPLES_IN_ORDER:
            raise BadFile(
                files[0],
                f"one piece of {counts[0]} windows of {grid};"
                f" {MIN_EXAMPLES_IN_ORDER} are needed, or a folder of pieces",
            )
        return OwnData(
            "pianoroll",
            windows[0],
            in_order(counts[0]),
            f"one piece in windows of {grid}",
            levels=2,
            starts=starts_in_pieces(counts, steps),
        )
    long = [index for index, count in enumerate(counts) if count]
    parts = by_piece([rolls[index] for index in long], [counts[index] for index in long])
    short = len(rolls) - len(long)
    about = f"{len(long):,} pieces in windows of {grid}" + (
        f"; {short:,} shorter ones left out" if short else ""
    )
    return OwnData(
        "pianoroll",
        np.concatenate(windows),
        parts,
        about,
        levels=2,
        starts=starts_in_pieces(counts, steps),
    )


READER = Reader("midi", __name__, _OPTIONS, _files, _read)
