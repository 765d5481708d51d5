"""Polyphonic music as piano rolls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from genbench import Dataset, DataSpec, Split
from genbench.datasets import fetch
from genbench.errors import DataError
from genbench_datasets.piano_roll import KEYS, LOWEST_KEY, Roll, starts_in_pieces, windows_of
from genbench_datasets.published.files import JSB_CHORALES, NOTTINGHAM
from genbench_datasets.published.specs import SPECS


def jsb_chorales() -> Dataset:
    """(16, 88) of 0 and 1, one step per quarter note."""
    (file,) = JSB_CHORALES
    return rolls_dataset(SPECS["jsb-chorales"], *read_note_lists(fetch(file)))


def nottingham() -> Dataset:
    """(32, 88) of 0 and 1."""
    (file,) = NOTTINGHAM
    return rolls_dataset(SPECS["nottingham"], *read_piano_rolls(fetch(file)))


def jsb_chorales_pieces() -> Dataset:
    """Whole chorales of 25 to 160 quarter notes, (160, 88) of 0 and 1, with their lengths."""
    (file,) = JSB_CHORALES
    return pieces_dataset(SPECS["jsb-chorales-pieces"], *read_note_lists(fetch(file)))


def nottingham_pieces() -> Dataset:
    """Whole tunes of 40 to 1,793 steps, (1793, 88) of 0 and 1, with their lengths."""
    (file,) = NOTTINGHAM
    return pieces_dataset(SPECS["nottingham-pieces"], *read_piano_rolls(fetch(file)))


def read_note_lists(path: Path) -> tuple[list[Roll], list[Roll], list[Roll]]:
    """JSON of {"train", "valid", "test"}: pieces of steps of MIDI pitches. Raises DataError."""
    try:
        pieces = json.loads(path.read_bytes())
        train, valid, test = (
            [_roll_of(piece, f"{path}: {part} {number}") for number, piece in enumerate(pieces[part])]
            for part in ("train", "valid", "test")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not lists of pitches under train, valid and test: {error!r}") from None
    return train, valid, test


def read_piano_rolls(path: Path) -> tuple[list[Roll], list[Roll], list[Roll]]:
    """MATLAB cells traindata, validdata, testdata of matrices (time, 88). Raises DataError."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        cells = loadmat(path)
        parts = [list(cells[name].ravel()) for name in ("traindata", "validdata", "testdata")]
    except (MatReadError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise DataError(f"{path}: not cells of piano rolls: {error!r}") from None
    for part in parts:
        for roll in part:
            if roll.ndim != 2 or roll.shape[1] != KEYS or not np.isin(roll, (0, 1)).all():
                raise DataError(
                    f"{path}: a piano roll has shape {roll.shape}, expected (time, {KEYS}) of 0 and 1"
                )
    train, valid, test = ([roll.astype(np.uint8) for roll in part] for part in parts)
    return train, valid, test


def rolls_dataset(
    spec: DataSpec, train: Iterable[Roll], valid: Iterable[Roll], test: Iterable[Roll]
) -> Dataset:
    """Each piece cut into windows that do not overlap; a piece shorter than one is left out."""
    steps, _ = spec.event_shape

    def split(rolls: Iterable[Roll]) -> Split:
        windows = [windows_of(roll, steps) for roll in rolls]
        starts = starts_in_pieces([len(each) for each in windows], steps)
        return Split(spec, torch.from_numpy(np.concatenate(windows)), starts=torch.from_numpy(starts))

    return Dataset(spec, split(train), split(valid), split(test))


def pieces_dataset(
    spec: DataSpec, train: Iterable[Roll], valid: Iterable[Roll], test: Iterable[Roll]
) -> Dataset:
    """Each piece whole, padded with zeros to the longest."""

    def split(rolls: Iterable[Roll]) -> Split:
        pieces = [torch.from_numpy(roll) for roll in rolls]
        lengths = torch.tensor([len(piece) for piece in pieces], dtype=torch.int64)
        x = torch.zeros(len(pieces), *spec.event_shape, dtype=torch.uint8)
        for row, piece in zip(x, pieces, strict=True):
            row[: len(piece)] = piece
        return Split(spec, x, lengths=lengths)

    return Dataset(spec, split(train), split(valid), split(test))


def _roll_of(piece: Sequence[Sequence[object]], where: str) -> Roll:
    roll = np.zeros((len(piece), KEYS), np.uint8)
    for step, pitches in enumerate(piece):
        for pitch in pitches:
            if not (isinstance(pitch, int) and LOWEST_KEY <= pitch < LOWEST_KEY + KEYS):
                raise DataError(f"{where}: pitch {pitch} at step {step} is not on a piano")
            roll[step, pitch - LOWEST_KEY] = 1
    return roll
