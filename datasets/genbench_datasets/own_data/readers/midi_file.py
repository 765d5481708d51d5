"""One Standard MIDI File as a piano roll."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genbench_datasets.own_data.located import BadFile
from genbench_datasets.own_data.readers.midi_events import MidiFile, NoMidi, Track, read_midi
from genbench_datasets.piano_roll import KEYS, LOWEST_KEY, Roll

_DRUMS = 9
"""The tenth channel, where General MIDI has percussion: its numbers are no pitches."""
_MAX_STEPS = 1_000_000
"""At four steps per quarter note and 120 quarter notes per minute, a day and a half."""


class _Note(NamedTuple):
    """A key that sounds for a while."""

    begin: int
    """In ticks from the start of the track."""
    end: int
    """In ticks from the start of the track."""
    pitch: int
    """MIDI's number of the key."""


@dataclass(frozen=True)
class Piece:
    """A MIDI file, read."""

    roll: Roll
    """(steps, 88): whether a key sounds."""
    broken_meta_events: list[str]
    """One line for each meta event that cannot be right and was skipped."""


def read_roll(path: Path, per_quarter: int, *, drop_outside: bool = False) -> Roll:
    """The roll of `read_piece`."""
    return read_piece(path, per_quarter, drop_outside=drop_outside).roll


def read_piece(path: Path, per_quarter: int, *, drop_outside: bool = False) -> Piece:
    """Whether a key sounds, on a grid of `per_quarter` steps to a quarter note, whatever the tempo.

    Beginnings and ends go to the nearest step; no note is shorter than a step. All tracks and channels together,
    without percussion. Time begins with the quarter in which the first note does. drop_outside: leave out notes that
    no piano has, instead of refusing them. Raises BadFile.
    """
    file = _open(path)
    resolution = file.division
    struck = sorted(note for track in file.tracks for note in _notes(track))
    notes = [note for note in struck if LOWEST_KEY <= note.pitch < LOWEST_KEY + KEYS]
    if len(notes) < len(struck) and not drop_outside:
        outside = [note for note in struck if not LOWEST_KEY <= note.pitch < LOWEST_KEY + KEYS]
        more = f" (and {len(outside) - 1} more)" if len(outside) > 1 else ""
        raise BadFile(
            path,
            f"the note {outside[0].pitch} at beat {outside[0].begin / resolution:g} is not on a piano"
            f" ({LOWEST_KEY}..{LOWEST_KEY + KEYS - 1}){more}; outside=drop leaves such notes out",
        )
    if not notes:
        raise BadFile(path, "no notes in it, percussion apart")
    first = notes[0].begin // resolution * per_quarter
    spans = []
    for note in notes:
        begin = _nearest_step(note.begin, per_quarter, resolution)
        end = max(begin + 1, _nearest_step(note.end, per_quarter, resolution))
        spans.append((begin - first, end - first, note.pitch - LOWEST_KEY))
    steps = max(end for _, end, _ in spans)
    if steps > _MAX_STEPS:
        raise BadFile(path, f"lasts {steps // per_quarter:,} quarter notes; a time in it must be broken")
    roll = np.zeros((steps, KEYS), np.uint8)
    for begin, end, key in spans:
        roll[begin:end, key] = 1
    return Piece(roll, file.broken_meta_events)


def _open(path: Path) -> MidiFile:
    try:
        file = read_midi(path.read_bytes())
    except NoMidi as error:
        raise BadFile(path, f"no MIDI file that can be read: {error}") from None
    if file.format == 2:
        raise BadFile(
            path, "a MIDI file of format 2, of patterns without a common time; expected format 0 or 1"
        )
    if not 0 < file.division < 0x8000:
        raise BadFile(path, "its time is in frames (SMPTE), not in beats")
    return file


def _notes(track: Track) -> Iterator[_Note]:
    """A note ends where it is released, where it is struck again, or with its track.

    The order of events within one tick means nothing in a file into which tracks were merged: what sounds from before
    is released first, whether or not the file strikes the key again before it says so.
    """
    sounding: dict[tuple[int, int], int] = {}
    heard = (event for event in track.events if event.channel != _DRUMS)
    for tick, together in groupby(heard, key=lambda event: event.tick):
        actions: dict[tuple[int, int], list[bool]] = {}
        for event in together:
            actions.setdefault((event.channel, event.pitch), []).append(event.struck)
        for key, struck in actions.items():
            if key in sounding:
                yield _Note(sounding.pop(key), tick, key[1])
                if False in struck:
                    struck.remove(False)
            is_down = False
            for down in struck:
                if is_down:  # shorter than a tick
                    yield _Note(tick, tick, key[1])
                is_down = down
            if is_down:
                sounding[key] = tick
    for (_, pitch), begin in sounding.items():
        yield _Note(begin, track.end, pitch)


def _nearest_step(ticks: int, per_quarter: int, resolution: int) -> int:
    """Rounded to the nearest; halves are rounded up."""
    return (2 * ticks * per_quarter + resolution) // (2 * resolution)
