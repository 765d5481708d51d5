"""Music that can be played: notes of a piano roll for the player of the page, and a MIDI file to download."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor

_LOWEST_KEY = {88: 21, 128: 0}
"""MIDI's number of the first key, by the number of keys of a roll; the 88 keys of a piano begin at A0."""
_TICKS, _STEPS_PER_BEAT = 480, 2
STEP_SECONDS = 0.25


@dataclass(frozen=True)
class Note:
    """A key that is held for some steps."""

    start: int
    """The first step."""
    length: int
    """How many steps."""
    pitch: int
    """MIDI's number of the key; 60 is middle C."""


@dataclass(frozen=True)
class Piece:
    """One piano roll as the page plays it."""

    notes: str
    """"start,length,pitch;..." for the player."""
    midi: str
    """A MIDI file as a data URI."""
    count: int
    """How many notes."""
    seconds: float
    """How long it plays."""


def notes_of(roll: Shaped[Tensor, "time keys"]) -> list[Note]:
    """The notes of a roll. A key that sounds in consecutive steps counts as one note, because a roll does not show
    whether it was struck again."""
    keys = roll.shape[1]
    lowest = _LOWEST_KEY.get(keys, max(0, 60 - keys // 2))
    notes = []
    for key in range(keys):
        began = None
        for step, sounds in enumerate([*(roll[:, key] > 0).tolist(), False]):
            if sounds and began is None:
                began = step
            elif not sounds and began is not None:
                notes.append(Note(began, step - began, min(127, lowest + key)))
                began = None
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def piece_of(roll: Shaped[Tensor, "time keys"]) -> Piece:
    """The roll in the form that the page plays."""
    notes = notes_of(roll)
    text = ";".join(f"{note.start},{note.length},{note.pitch}" for note in notes)
    uri = "data:audio/midi;base64," + base64.b64encode(midi_of(notes)).decode()
    return Piece(text, uri, len(notes), len(roll) * STEP_SECONDS)


def midi_of(notes: list[Note]) -> bytes:
    """A MIDI file with one track, at the tempo of the player."""
    from mido import Message, MetaMessage, MidiFile, MidiTrack

    step = _TICKS // _STEPS_PER_BEAT
    tempo = round(STEP_SECONDS * _STEPS_PER_BEAT * 1e6)
    events = [(note.start * step, 1, note.pitch) for note in notes]
    events += [((note.start + note.length) * step, 0, note.pitch) for note in notes]
    track = MidiTrack([MetaMessage("set_tempo", tempo=tempo, time=0)])
    now = 0
    for tick, on, pitch in sorted(events):
        kind = "note_on" if on else "note_off"
        track.append(Message(kind, note=pitch, velocity=72 if on else 0, time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=0))
    buffer = io.BytesIO()
    MidiFile(type=0, ticks_per_beat=_TICKS, tracks=[track]).save(file=buffer)
    return buffer.getvalue()
