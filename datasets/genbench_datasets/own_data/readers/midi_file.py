"""One Standard MIDI File as a piano roll."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np

from genbench_datasets.own_data.located import BadFile
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


def read_roll(path: Path, per_quarter: int, *, drop_outside: bool = False) -> Roll:
    """(steps, 88): whether a key sounds, on a grid of `per_quarter` steps to a quarter note, whatever the tempo.

    Beginnings and ends go to the nearest step; no note is shorter than a step. All tracks and channels together,
    without percussion. Time begins with the quarter in which the first note does. drop_outside: leave out notes that
    no piano has, instead of refusing them. Raises BadFile.
    """
    file = _open(path)
    resolution = file.ticks_per_beat
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
    return roll


def _open(path: Path) -> mido.MidiFile:
    try:
        file = mido.MidiFile(path)
    except Exception as error:  # mido has no error of its own: a broken file may raise anything
        if isinstance(error, OSError) and error.errno is not None:
            raise
        what = " ".join(str(error).split()) or "it breaks off"
        raise BadFile(path, f"no MIDI file that can be read: {what}") from None
    if file.type == 2:
        raise BadFile(
            path, "a MIDI file of format 2, of patterns without a common time; expected format 0 or 1"
        )
    if not 0 < file.ticks_per_beat < 0x8000:
        raise BadFile(path, "its time is in frames (SMPTE), not in beats")
    return file


def _notes(track: mido.MidiTrack) -> Iterator[_Note]:
    """A note ends where it is released, where it is struck again, or with its track."""
    now = 0
    sounding: dict[tuple[int, int], int] = {}
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
            continue
        key = message.channel, message.note
        if key in sounding:
            yield _Note(sounding.pop(key), now, message.note)
        if message.type == "note_on" and message.velocity > 0:
            sounding[key] = now
    for (_, pitch), begin in sounding.items():
        yield _Note(begin, now, pitch)


def _nearest_step(ticks: int, per_quarter: int, resolution: int) -> int:
    """Rounded to the nearest; halves are rounded up."""
    return (2 * ticks * per_quarter + resolution) // (2 * resolution)
