"""Samples of others as tables, images, texts and MIDI files: read as the data set has its examples."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from mido import Message, MidiFile, MidiTrack
from PIL import Image

from genbench.api.cards import DatasetCard
from genbench.api.spec import DataSpec
from genbench.errors import DataError, UsageError
from genbench.plugin.discovery import load_registry
from genbench.samples.brought import read_brought

SOURCES = load_registry().dataset_sources


def card(
    modality: str, shape: tuple[int, ...], levels: int | None, alphabet: str | None = None
) -> DatasetCard:
    digits = load_registry().dataset("digits")
    spec = DataSpec(name="data", modality=modality, event_shape=shape, levels=levels)  # type: ignore[arg-type]
    return msgspec.structs.replace(digits, spec=spec, alphabet=None if alphabet is None else tuple(alphabet))


def test_a_table(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("x,y\n1,2\n3,4.5\n")
    points = card("points", (2,), None)
    assert read_brought(str(tmp_path / "s.csv"), points, SOURCES).x.tolist() == [[1, 2], [3, 4.5]]
    (tmp_path / "bare.csv").write_text("1;2\n3;4,5\n")
    options = "csv:" + str(tmp_path / "bare.csv") + "?header=no&decimal=comma"
    assert read_brought(options, points, SOURCES).x.tolist() == [[1, 2], [3, 4.5]]
    with pytest.raises(DataError, match="2 columns, but an example of data has 3 numbers"):
        read_brought(str(tmp_path / "s.csv"), card("points", (3,), None), SOURCES)


def test_a_folder_of_images(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.full((4, 6), 50 * number, np.uint8)).save(tmp_path / f"{number}.png")
    images = read_brought(str(tmp_path), card("image", (1, 4, 6), 256), SOURCES).x
    assert images[:, 0, 0, 0].tolist() == [0, 50, 100]
    assert read_brought(str(tmp_path), card("image", (3, 4, 6), 256), SOURCES).x.shape == (3, 3, 4, 6)
    with pytest.raises(DataError, match="6x4 pixels, but data has 8x8"):
        read_brought(str(tmp_path), card("image", (1, 8, 8), 256), SOURCES)
    with pytest.raises(DataError, match=r"values 0..100, but data has the integers 0..16"):
        read_brought(str(tmp_path), card("image", (1, 4, 6), 17), SOURCES)


def test_text_in_one_file_and_in_a_folder(tmp_path: Path) -> None:
    abc = card("tokens", (3,), 3, "abc")
    (tmp_path / "all.txt").write_text("abccbaa")
    assert read_brought(str(tmp_path / "all.txt"), abc, SOURCES).x.tolist() == [[0, 1, 2], [2, 1, 0]]
    folder = tmp_path / "each"
    folder.mkdir()
    (folder / "1.txt").write_text("abc\n")
    (folder / "2.txt").write_text("bbb")
    assert read_brought(str(folder), abc, SOURCES).x.tolist() == [[0, 1, 2], [1, 1, 1]]
    (folder / "3.txt").write_text("ab")
    with pytest.raises(DataError, match=r"3\.txt: 2 characters, but an example of data has 3"):
        read_brought(str(folder), abc, SOURCES)
    (tmp_path / "all.txt").write_text("abcdbaa")
    with pytest.raises(DataError, match="line 1: 'd' is not in the alphabet of data"):
        read_brought(str(tmp_path / "all.txt"), abc, SOURCES)
    with pytest.raises(UsageError, match="has no alphabet on its card"):
        read_brought(str(tmp_path / "all.txt"), card("tokens", (3,), 3), SOURCES)


def test_midi_files(tmp_path: Path) -> None:
    for number, pitch in enumerate((60, 64)):
        file = MidiFile(ticks_per_beat=480)
        track = MidiTrack()
        track.append(Message("note_on", note=pitch, velocity=64, time=0))
        track.append(Message("note_off", note=pitch, velocity=64, time=480 * 4))
        file.tracks.append(track)
        file.save(tmp_path / f"{number}.mid")
    rolls = read_brought(str(tmp_path), card("pianoroll", (16, 88), 2), SOURCES).x
    assert rolls.sum((1, 2)).tolist() == [16, 16]
    assert rolls[1, 0].nonzero().flatten().tolist() == [64 - 21]
    with pytest.raises(DataError, match="shorter than the 32 steps of an example of data, 4 per quarter"):
        read_brought(str(tmp_path), card("pianoroll", (32, 88), 2), SOURCES)
    finer = f"midi:{tmp_path}?per_quarter=8"
    assert read_brought(finer, card("pianoroll", (32, 88), 2), SOURCES).x.shape == (2, 32, 88)
    with pytest.raises(UsageError, match="piano rolls"):
        read_brought(str(tmp_path), card("points", (2,), None), SOURCES)
