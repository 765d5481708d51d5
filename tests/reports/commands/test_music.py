"""`genai-bench music`: the files that are written hold the notes of the samples."""

from __future__ import annotations

import wave
from pathlib import Path

import mido
import pytest

from genbench.cli.main import run_command_line
from genbench.records.run_folder import Run
from genbench.samples.stored import load_samples_and_lengths
from genbench_datasets.embedded.cards import MUSIC
from genbench_reports.samples.piano_rolls import notes_of

SUITE = """
summary = "to be heard"
budget = "20steps"
sampling_seconds = 30.0
seeds = 1
samples = 20
importance_samples = 8
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heard") / "run"
    suite = folder.with_suffix(".toml")
    suite.write_text(SUITE)
    options = ["-m", "marginals", "-d", "four-voices", "-d", "ring8", "--suite", str(suite)]
    assert run_command_line(["run", *options, "--out", str(folder)]) == 0
    return folder


def test_samples_and_real_music_are_written_as_midi_and_as_sound(finished: Path, tmp_path: Path) -> None:
    assert run_command_line(["music", str(finished), "-o", str(tmp_path), "--count", "2"]) == 0
    stems = [f"four-voices-{who}-{number}" for who in ("held-out", "marginals-seed0") for number in (1, 2)]
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{stem}.{suffix}" for stem in stems for suffix in ("mid", "wav")
    }
    run = Run.open(finished)
    (job,) = (job for job in run.plan.jobs if job.dataset == "four-voices")
    samples, _ = load_samples_and_lengths(run.samples_path(job), MUSIC[0].spec, job.drawn_samples)
    pitches = [
        message.note
        for message in mido.MidiFile(tmp_path / f"{stems[-1]}.mid")
        if message.type == "note_on" and message.velocity
    ]
    assert sorted(pitches) == sorted(note.pitch for note in notes_of(samples[1]))
    with wave.open(str(tmp_path / f"{stems[-1]}.wav")) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(16 * 0.25 + 0.12, abs=0.01)


def test_a_run_without_music(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["music", str(finished), "-o", str(tmp_path), "-d", "ring8"]) == 4
    assert "has no music of any model on ring8" in capsys.readouterr().err
