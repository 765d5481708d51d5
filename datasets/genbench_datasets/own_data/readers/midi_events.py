"""When keys are struck and released, from the bytes of a Standard MIDI File.

Meta events (tempo, key, text) are skipped by their length and not decoded, because a piano roll needs none of them. One
that cannot be right is named, since it hints at a program that writes broken files; the notes around it are whole.
The format: MIDI Manufacturers Association, Standard MIDI Files 1.0 (1996).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_NOTE_OFF, _NOTE_ON = 0x8, 0x9
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
"""Bytes that follow the status byte of a channel message, by its upper four bits."""
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_META, _EXCLUSIVE = 0xFF, (0xF0, 0xF7)
_MAX_NUMBER_BYTES = 4


class NoMidi(Exception):
    """The bytes are no Standard MIDI File, or not a whole one; the text says why."""


class KeyEvent(NamedTuple):
    """A key is struck or released."""

    tick: int
    """From the start of the track."""
    struck: bool
    """False where it is released."""
    channel: int
    """0 to 15."""
    pitch: int
    """MIDI's number of the key."""


class Track(NamedTuple):
    """What happens to keys in one track."""

    events: list[KeyEvent]
    """In their order in the file."""
    end: int
    """The tick of its last event of any kind."""


@dataclass(frozen=True)
class MidiFile:
    """The part of a MIDI file that piano rolls are made of."""

    format: int
    """0, 1 or 2."""
    division: int
    """Ticks per quarter note; 0x8000 and more are frames per second."""
    tracks: list[Track]
    """In their order in the file."""
    broken_meta_events: list[str]
    """One line for each meta event that cannot be right."""


def read_midi(content: bytes) -> MidiFile:
    """Raises NoMidi where the bytes are no MIDI file, break off, or hold what no MIDI message can be."""
    kind, header, at = _chunk(content, 0)
    if kind != b"MThd":
        raise NoMidi("MThd not found: no MIDI file begins like this")
    if len(header) < 6:
        raise NoMidi(f"a header of {len(header)} bytes; expected 6")
    format_, count, division = struct.unpack(">HHH", header[:6])
    tracks: list[Track] = []
    broken: list[str] = []
    while len(tracks) < count:
        kind, body, at = _chunk(content, at)
        if kind == b"MTrk":  # the standard wants other kinds to be skipped
            tracks.append(_TrackReader(body, len(tracks) + 1, broken).read())
    return MidiFile(format_, division, tracks, broken)


def _chunk(content: bytes, at: int) -> tuple[bytes, bytes, int]:
    """(kind, body, where the next one begins)."""
    if at + 8 > len(content):
        raise NoMidi("it breaks off")
    kind, size = struct.unpack_from(">4sI", content, at)
    if at == 0 and kind != b"MThd":
        return kind, b"", 0
    if at + 8 + size > len(content):
        raise NoMidi("it breaks off")
    return kind, content[at + 8 : at + 8 + size], at + 8 + size


class _TrackReader:
    """Goes through the bytes of a track. number: from 1. broken: takes a line for each broken meta event."""

    def __init__(self, body: bytes, number: int, broken: list[str]) -> None:
        self._body = body
        self._number = number
        self._broken = broken
        self._at = 0
        self._tick = 0

    def read(self) -> Track:
        return Track(list(self._events()), self._tick)

    def _events(self) -> Iterator[KeyEvent]:
        body, running = self._body, 0
        while self._at < len(body):
            self._tick += self._length()
            status = self._byte()
            if status == _META:
                self._meta()
            elif status in _EXCLUSIVE:
                self._take(self._length())
            elif status >= 0xF0:
                self._system(status)
            else:
                if status < 0x80:  # the status of the message before holds
                    if not running:
                        raise NoMidi(f"track {self._number} begins with data that no status byte precedes")
                    self._at -= 1
                    status = running
                running = status
                data = self._take(_DATA_BYTES[status >> 4])
                if max(data) > 0x7F:
                    raise NoMidi(f"data byte must be in range 0..127, found {max(data)}")
                if status >> 4 in (_NOTE_OFF, _NOTE_ON):
                    struck = status >> 4 == _NOTE_ON and data[1] > 0
                    yield KeyEvent(self._tick, struck, status & 0xF, data[0])

    def _meta(self) -> None:
        kind = self._byte()
        data = self._take(self._length())
        name, is_right = _KNOWN_META.get(kind, ("", _anything))
        if not is_right(data):
            self._broken.append(
                f"the {name} at tick {self._tick} of track {self._number} holds {data[:8].hex(' ') or 'nothing'}"
            )

    def _system(self, status: int) -> None:
        if status not in _SYSTEM_DATA_BYTES:
            raise NoMidi(f"no MIDI message begins with {status:#04x}")
        self._take(_SYSTEM_DATA_BYTES[status])

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise NoMidi(f"it breaks off within an event of track {self._number}")
        self._at += count
        return taken

    def _length(self) -> int:
        """A number of variable length: seven bits in each byte, and a high bit on all but the last."""
        number = 0
        for _ in range(_MAX_NUMBER_BYTES):
            byte = self._byte()
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        raise NoMidi(f"a number of more than {_MAX_NUMBER_BYTES} bytes in track {self._number}")


_IsRight = Callable[[bytes], bool]


def _anything(data: bytes) -> bool:
    return True


def _of_length(*lengths: int) -> _IsRight:
    return lambda data: len(data) in lengths


def _is_key(data: bytes) -> bool:
    """Sharps or flats, up to seven of them; and major or minor."""
    return len(data) == 2 and (data[0] <= 7 or data[0] >= 0x100 - 7) and data[1] <= 1


_KNOWN_META: dict[int, tuple[str, _IsRight]] = {
    0x00: ("sequence number", _of_length(0, 2)),
    0x20: ("channel prefix", _of_length(1)),
    0x21: ("port", _of_length(1)),
    0x2F: ("end of the track", _of_length(0)),
    0x51: ("tempo", lambda data: len(data) == 3 and any(data)),
    0x54: ("SMPTE offset", _of_length(5)),
    0x58: ("time signature", _of_length(4)),
    0x59: ("key signature", _is_key),
}
