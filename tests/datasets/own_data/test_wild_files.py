"""Files as people have them are read right, or refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_cards import card_of, dataset_of
from wild_files import CASES, PARQUET, SENTENCE, WildFile, outcome

from genbench.errors import DataError, UsageError
from genbench_datasets.own_data.readers.midi_events import read_midi


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wild_file_is_read_right_or_refused_with_a_reason(case: WildFile) -> None:
    found, said = outcome(case)
    assert found == ("refused" if case.reason else "read"), said


@pytest.mark.parametrize("case", PARQUET, ids=lambda case: case.name)
def test_parquet_whose_path_is_a_pattern(case: WildFile) -> None:
    pytest.importorskip("datasets", reason="the extra hf is not installed")
    test_a_wild_file_is_read_right_or_refused_with_a_reason(case)


@pytest.mark.parametrize(("ask", "file"), [("text:{}?window=20", "a.txt"), ("csv:{}?label=k", "a.csv")])
def test_line_ends_make_no_other_version(ask: str, file: str) -> None:
    text = SENTENCE if file == "a.txt" else "x,k\n" + "".join(f'{i},"a\nb{i % 2}"\n' for i in range(30))
    versions = set()
    for end in ("\n", "\r\n", "\r"):
        Path(file).write_bytes(text.replace("\n", end).encode())
        versions.add(card_of(ask.format(file)).version)
    assert len(versions) == 1


def test_labels_beyond_32_bits_stay_different() -> None:
    labels = (2**31, 2**32, 2**32 + 1, 2**63 + 1)
    Path("a.csv").write_text("x,k\n" + "".join(f"{i},{labels[i % 4]}\n" for i in range(60)))
    data = dataset_of("csv:a.csv?label=k")
    assert data.spec.classes == 4
    for split in (data.train, data.valid, data.test):
        assert split.y is not None
        assert split.y.tolist() == [int(value) % 4 for value in split.x[:, 0]]


def test_values_that_become_equal_are_counted_on_the_card() -> None:
    """Far too few to be refused: the spread is a million times the rounding."""
    rows = [f"{index}.0" for index in range(50)] + ["7.00000001", "8.00000001"]
    Path("a.csv").write_text("\n".join(["x", *rows]))
    assert "different values that are equal as 32-bit floats: 2 of 'x'" in card_of("csv:a.csv").summary
    Path("a.csv").write_text("\n".join(["x", *rows[:50]]))
    assert "equal" not in card_of("csv:a.csv").summary


def test_what_cannot_be_standardised() -> None:
    Path("a.csv").write_text("x,y\n" + "".join(f"{i},7\n" for i in range(20)))
    with pytest.raises(DataError, match=r"a\.csv: constant column 'y'"):
        card_of("csv:a.csv?standardise=yes")
    with pytest.raises(UsageError, match="standardise=yes is for real values; levels=K"):
        card_of("csv:a.csv?standardise=yes&levels=20")
    np.save("a.npy", np.random.default_rng(0).normal(size=(20, 3, 2)))
    with pytest.raises(UsageError, match="standardise=yes is for points"):
        card_of("npy:a.npy?standardise=yes")


@pytest.fixture
def songs() -> Path:
    Path("songs").mkdir()
    for index in range(10):
        track = mido.MidiTrack()
        for pitch in np.random.default_rng(index).integers(40, 80, 20).tolist():
            track.append(mido.Message("note_on", note=pitch, time=0))
            track.append(mido.Message("note_off", note=pitch, time=480))
        mido.MidiFile(tracks=[track]).save(f"songs/{index}.mid")
    return Path("songs")


def test_a_folder_goes_on_without_bad_files_and_says_so(
    songs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = dataset_of("midi:songs")
    (songs / "bad.mid").write_bytes(b"MThd")
    (songs / "worse\x1b.mid").write_bytes(b"")
    with pytest.raises(DataError, match=r"songs/bad\.mid: no MIDI file"):
        card_of("midi:songs")
    capsys.readouterr()
    card = card_of("midi:songs?bad=skip")
    assert card.summary.endswith(r"; 2 bad files skipped: bad.mid, worse\x1b.mid")
    assert capsys.readouterr().err.splitlines() == [
        "warning: songs/bad.mid: no MIDI file that can be read: it breaks off; skipped",
        r"warning: songs/worse\x1b.mid: no MIDI file that can be read: it breaks off; skipped",
    ]
    assert np.array_equal(dataset_of("midi:songs?bad=skip").train.x, whole.train.x)
    for file in songs.glob("?.mid"):
        file.unlink()
    with pytest.raises(DataError, match=r"midi:songs\?bad=skip: all 2 files are bad; the first: songs/bad"):
        card_of("midi:songs?bad=skip")


def test_bad_images_in_class_folders_are_skipped() -> None:
    from PIL import Image

    for name in ("cat", "dog"):
        Path("photos", name).mkdir(parents=True)
        for index in range(6):
            picture = np.full((4, 4), index * 9 + (name == "dog") * 100, np.uint8)
            Image.fromarray(picture).save(f"photos/{name}/{index}.png")
    Path("photos/README.txt").write_text("photos of a cat and a dog")
    Path("photos/cat/3.png").write_bytes(Path("photos/cat/3.png").read_bytes()[:50])
    card = card_of("imagefolder:photos?bad=skip")
    assert card.summary == (
        "own data: 11 grey images in 2 classes: cat, dog; 2 bad files skipped: README.txt, 3.png"
    )
    data = dataset_of("imagefolder:photos?bad=skip")
    for split in (data.train, data.valid, data.test):
        assert split.y is not None
        assert split.y.tolist() == (split.x[:, 0, 0, 0] >= 100).long().tolist()


def test_headers_that_announce_more_than_fits(monkeypatch: pytest.MonkeyPatch, songs: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("datasets", reason="the extra hf is not installed")
    free = SimpleNamespace(available=100_000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    pd.DataFrame({"x": np.zeros(100_000)}).to_parquet("a.parquet")
    Path("a.csv").write_bytes(b"x\n" + b"1\n" * 50_000)
    Path("a.txt").write_bytes(b"ab" * 50_000)
    np.save("a.npy", np.zeros((100_000, 2)))
    for name in ("hf:a.parquet", "csv:a.csv", "text:a.txt", "npy:a.npy", "midi:songs"):
        with pytest.raises(DataError, match=r"takes? [\d.]+ GB, and 0\.0 GB are free"):
            card_of(name)
    Path("wide.csv").write_bytes(b",".join(b"%d" % index for index in range(100_001)))
    free.available = 10**9
    with pytest.raises(DataError, match=r"wide\.csv: 100,001 columns; at most 100,000"):
        card_of("csv:wide.csv")


Event = tuple[str, int, int, int]
events = st.lists(
    st.tuples(
        st.sampled_from(["note_on", "note_off"]), st.integers(0, 15), st.integers(0, 127), st.integers(0, 400)
    ),
    max_size=30,
)


@given(st.lists(events, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_events_are_those_that_mido_reads(tracks: list[list[Event]]) -> None:
    file = mido.MidiFile(type=1)
    for events in tracks:
        messages = (
            mido.Message(kind, channel=channel, note=note, velocity=1 + note % 2 - (time % 5 == 0), time=time)
            for kind, channel, note, time in events
        )
        file.tracks.append(mido.MidiTrack(messages))
    file.save("a.mid")
    expected = []
    for track in mido.MidiFile("a.mid").tracks:
        now, found = 0, []
        for message in track:
            now += message.time
            if not message.is_meta:
                struck = message.type == "note_on" and message.velocity > 0
                found.append((now, struck, message.channel, message.note))
        expected.append((found, now))
    assert [(events, end) for events, end in read_midi(Path("a.mid").read_bytes()).tracks] == expected


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_nobody_waits_for_a_fifo_in_a_folder(songs: Path) -> None:
    os.mkfifo(songs / "endless.mid")
    with pytest.raises(DataError, match=r"songs/endless\.mid: is no regular file"):
        card_of("midi:songs?bad=skip")
    os.mkfifo("endless.csv")
    with pytest.raises(DataError, match=r"endless\.csv: is no regular file; csv takes a file"):
        card_of("csv:endless.csv")
