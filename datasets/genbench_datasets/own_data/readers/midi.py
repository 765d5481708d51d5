"""`midi:PATH`: a folder of MIDI files, each a piece, or one file: windows of piano rolls."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genbench import DatasetCard
from genbench.errors import DataError
from genbench_datasets.own_data.bad_files import OPTION as BAD_OPTION
from genbench_datasets.own_data.bad_files import BadFiles
from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.memory import need_memory
from genbench_datasets.own_data.own_data import OwnData
from genbench_datasets.own_data.progress import shown
from genbench_datasets.own_data.reader import Reader
from genbench_datasets.own_data.readers.midi_file import Piece, read_piece
from genbench_datasets.own_data.request import Request, files_below
from genbench_datasets.own_data.splitting import MIN_EXAMPLES_IN_ORDER, by_piece, in_order
from genbench_datasets.piano_roll import starts_in_pieces, windows_of

if TYPE_CHECKING:
    from genbench import Dataset

_OPTIONS = {"window": "32", "per_quarter": "4", "outside": "refuse", **BAD_OPTION}


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
    bad = BadFiles.asked(request)
    pieces: list[tuple[Path, Piece]] = []
    size = 0
    for file in through(files):
        read = partial(read_piece, file, per_quarter, drop_outside=drop)
        if (piece := bad.read(str(file), read)) is not None:
            pieces.append((file, piece))
            size += piece.roll.nbytes
            # a file of thirty bytes may last a million steps; windows and their splits are copies
            need_memory(3 * size, f"the piano rolls of {len(pieces):,} files take")
    bad.need_others(len(files))
    rolls = [piece.roll for _, piece in pieces]
    skipped_events = [
        f"{file}: {event}; skipped" for file, piece in pieces for event in piece.broken_meta_events
    ]
    warnings = (*bad.warnings(), *skipped_events)
    left_out = _event_words(len(skipped_events)) + bad.words()
    windows = [windows_of(roll, steps) for roll in rolls]
    counts = [len(each) for each in windows]
    longest = max(len(roll) for roll in rolls)
    if longest < steps:
        raise DataError(
            f"the longest of {len(rolls)} file{'s' * (len(rolls) != 1)} has {longest} steps, {per_quarter} to a"
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
            f"one piece in windows of {grid}{left_out}",
            levels=2,
            starts=starts_in_pieces(counts, steps),
            warnings=warnings,
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
        about + left_out,
        levels=2,
        starts=starts_in_pieces(counts, steps),
        warnings=warnings,
    )


def _event_words(count: int) -> str:
    return f"; {count:,} broken meta event{'s' * (count > 1)} skipped" if count else ""


READER = Reader("midi", __name__, _OPTIONS, _files, _read)
