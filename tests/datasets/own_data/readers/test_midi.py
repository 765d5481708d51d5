"""`midi:PATH`: real files written by mido and by hand, as piano rolls."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from own_cards import card_of, dataset_of

from genbench.errors import DataError, UnknownNameError, UsageError
from genbench_datasets.own_data.readers.midi_file import read_roll

Note = tuple[float, float, int]
"""From which to which quarter note a key sounds."""


def write(
    path: str, *tracks: Sequence[Note], channel: int = 0, resolution: int = 480, **options: int
) -> None:
    file = mido.MidiFile(ticks_per_beat=resolution, **options)
    for notes in tracks:
        events = [(round(begin * resolution), 1, pitch) for begin, _, pitch in notes]
        events += [(round(end * resolution), 0, pitch) for _, end, pitch in notes]
        track, now = mido.MidiTrack(), 0
        track.append(mido.MetaMessage("set_tempo", tempo=400_000))
        for tick, on, pitch in sorted(events):
            kind = "note_on" if on else "note_off"
            track.append(mido.Message(kind, note=pitch, channel=channel, time=tick - now))
            now = tick
        file.tracks.append(track)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file.save(path)


def sounding(path: str, per_quarter: int = 4, **options: bool) -> list[set[int]]:
    return [
        set((np.flatnonzero(step) + 21).tolist()) for step in read_roll(Path(path), per_quarter, **options)
    ]


def test_notes_are_on_the_grid() -> None:
    write("a.mid", [(0, 1, 60), (0.5, 1.5, 64), (1.5, 1.75, 67)])
    assert sounding("a.mid", 2) == [{60}, {60, 64}, {64}, {67}]
    assert sounding("a.mid", 4) == [{60}, {60}, {60, 64}, {60, 64}, {64}, {64}, {67}]


@pytest.mark.parametrize("resolution", [24, 96, 480, 1000])
def test_what_is_off_the_grid_goes_to_the_nearest_step(resolution: int) -> None:
    write("a.mid", [(0.02, 0.98, 60), (1.1, 1.12, 62), (1.88, 2.0, 64)], resolution=resolution)
    #                a quarter           shorter than a step  begins nearer to 2
    assert sounding("a.mid", 4) == [{60}] * 4 + [{62}] + [set()] * 3 + [{64}]


def test_tracks_and_channels_sound_together_but_no_drums() -> None:
    write("a.mid", [(0, 1, 60)], [(0, 2, 48)])
    assert sounding("a.mid", 1) == [{48, 60}, {48}]
    write("drums.mid", [(0, 1, 36)], channel=9)
    with pytest.raises(DataError, match=r"drums\.mid: no notes in it, percussion apart"):
        sounding("drums.mid")


def test_time_begins_with_the_quarter_of_the_first_note() -> None:
    write("a.mid", [(8.5, 9, 60), (9, 10, 62)])
    assert sounding("a.mid", 2) == [set(), {60}, {62}, {62}]


def test_notes_that_are_struck_again_or_never_released_end() -> None:
    track = mido.MidiTrack()
    for kind, tick in (("note_on", 0), ("note_on", 480), ("note_on", 960)):
        track.append(mido.Message(kind, note=60, velocity=64 if tick < 960 else 0, time=480 if tick else 0))
    track.append(mido.Message("note_on", note=64, velocity=64, time=0))
    track.append(mido.MetaMessage("end_of_track", time=480))
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save("a.mid")
    assert sounding("a.mid", 1) == [{60}, {60}, {64}]


def test_against_a_roll_made_of_samples_in_time() -> None:
    """Random notes on the grid, looked at in the middle of each step."""
    rng = np.random.default_rng(0)
    notes: list[Note] = []
    for pitch in range(21, 109, 3):
        edges = np.sort(rng.choice(np.arange(1, 200), 8, replace=False)) / 4
        notes += [(begin, end, pitch) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    notes.append((0, 0.25, 21))
    write("a.mid", notes)
    roll = read_roll(Path("a.mid"), 4)
    middles = (np.arange(len(roll)) + 0.5) / 4
    expected = np.zeros_like(roll)
    for begin, end, pitch in notes:
        expected[(begin <= middles) & (middles < end), pitch - 21] = 1
    assert np.array_equal(roll, expected)


def scale(count: int, seed: int) -> list[Note]:
    """A note a quarter, one after the other."""
    pitches = np.random.default_rng(seed).integers(40, 80, count)
    return [(index, index + 1, int(pitch)) for index, pitch in enumerate(pitches)]


def test_a_folder_of_pieces() -> None:
    for index in range(10):
        write(f"songs/{index % 2}/{index}.{('mid', 'MIDI')[index % 2]}", scale(20 + index, index))
    write("songs/short.mid", scale(3, 0))
    Path("songs/LICENSE").write_text("no music")
    card = card_of("midi:songs?window=16&per_quarter=2")
    assert card.spec.modality == "pianoroll"
    assert card.spec.event_shape == (16, 88)
    assert card.spec.levels == 2
    assert "10 pieces in windows of 16 steps, 2 to a quarter note; 1 shorter ones left out" in card.summary
    assert sum(card.sizes) == sum((20 + index) * 2 // 16 for index in range(10))
    dataset = dataset_of("midi:songs?window=16&per_quarter=2")
    pieces = [read_roll(path, 2) for path in sorted(Path("songs").rglob("*.[mM]*"))]
    owners = []
    for split in (dataset.train, dataset.valid, dataset.test):
        owners.append(set())
        for window in split.x.numpy():
            places = {
                number
                for number, piece in enumerate(pieces)
                for start in range(0, len(piece) - 15, 16)
                if np.array_equal(piece[start : start + 16], window)
            }
            assert len(places) == 1
            owners[-1] |= places
    assert [len(each) for each in owners] == [6, 2, 2]
    assert not owners[0] & owners[1]
    assert not (owners[0] | owners[1]) & owners[2]


def test_one_piece_is_cut_in_order() -> None:
    write("a.mid", scale(80, 0))
    card = card_of("midi:a.mid?window=8&per_quarter=2")
    assert card.sizes == (16, 2, 2)
    assert "the first 80 %" in card.splits
    dataset = dataset_of("midi:a.mid?window=8&per_quarter=2")
    roll = torch.cat([dataset.train.x, dataset.valid.x, dataset.test.x]).reshape(-1, 88).numpy()
    assert np.array_equal(roll, read_roll(Path("a.mid"), 2))


@pytest.fixture
def songs() -> Path:
    for index in range(10):
        write(f"songs/{index}.mid", scale(20, index))
    return Path("songs")


HEADER = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no MIDI file that can be read: it breaks off"),
        (b"RIFF....WAVE", "no MIDI file that can be read: MThd not found"),
        (HEADER, "no MIDI file that can be read: it breaks off"),
        (HEADER + b"MTrk" + struct.pack(">I", 100) + b"\0\x90\x40\x40", "it breaks off"),
        (HEADER + b"MTrk" + struct.pack(">I", 4) + b"\0\x90\x40\xf0", "data byte must be in range"),
        (HEADER + b"MTrk" + struct.pack(">I", 4) + b"\0\xff\x2f\0", "no notes in it"),
        (
            HEADER[:-2] + b"\xe7\x28" + b"MTrk" + struct.pack(">I", 4) + b"\0\xff\x2f\0",
            r"in frames \(SMPTE\)",
        ),
        (HEADER[:-2] + b"\0\0" + b"MTrk" + struct.pack(">I", 4) + b"\0\xff\x2f\0", "its time is"),
        (b"MThd" + struct.pack(">IHHH", 6, 2, 0, 480), "format 2"),
        (
            HEADER + b"MTrk" + struct.pack(">I", 11) + b"\0\x90\x40\x40" + b"\xff\xff\xff\x7f\x80\x40\x40",
            r"lasts 559,\d+ quarter notes; a time in it must be broken",
        ),
    ],
)
def test_a_broken_file_is_named(songs: Path, content: bytes, message: str) -> None:
    (songs / "bad.mid").write_bytes(content)
    with pytest.raises(DataError, match=rf"songs/bad\.mid: .*{message}"):
        card_of("midi:songs")


@pytest.mark.parametrize("cut", range(5, 200, 15))
def test_a_file_that_breaks_off_is_named(songs: Path, cut: int) -> None:
    whole = (songs / "5.mid").read_bytes()
    (songs / "5.mid").write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(DataError, match=r"songs/5\.mid: no MIDI file that can be read"):
        card_of("midi:songs")


def test_notes_beyond_the_piano() -> None:
    for index in range(10):
        write(f"songs/{index}.mid", [*scale(20, index), (3.5, 4, 110), (5, 6, 12)])
    expected = r"songs/0\.mid: the note 110 at beat 3\.5 is not on a piano \(21\.\.108\) \(and 1 more\); outside=drop"
    with pytest.raises(DataError, match=expected):
        card_of("midi:songs")
    assert sum(card_of("midi:songs?outside=drop").sizes) == 20


def test_music_that_is_not_enough(songs: Path) -> None:
    with pytest.raises(
        DataError, match=r"midi:songs\?window=100: the longest of 10 files has 80 steps, 4 to a q.* 100"
    ):
        card_of("midi:songs?window=100")
    for index in range(4, 10):
        (songs / f"{index}.mid").unlink()
    with pytest.raises(DataError, match=r"midi:songs: 4 different pieces long enough; .* 5 are needed"):
        card_of("midi:songs")
    with pytest.raises(
        DataError, match=r"songs/0\.mid: one piece of 2 windows of 32 steps.*; 20 are needed, or a fo"
    ):
        card_of("midi:songs/0.mid")
    Path("empty").mkdir()
    with pytest.raises(DataError, match=r"empty: no MIDI files \(\.mid, \.midi\) in it"):
        card_of("midi:empty")


def test_options_that_cannot_be(songs: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown outside of midi 'fold'"):
        card_of("midi:songs?outside=fold")
    with pytest.raises(UsageError, match="per_quarter=0: expected a whole number, 1 or more"):
        card_of("midi:songs?per_quarter=0")


def test_rolls_are_binary_bytes(songs: Path) -> None:
    train = dataset_of("midi:songs").train
    assert train.x.dtype == torch.uint8
    assert set(train.x.unique().tolist()) == {0, 1}
