"""The WAV file that is written is that of the notes: pitches, times, loudness."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from genbench_reports.samples.piano_rolls import STEP_SECONDS, Note
from genbench_reports.samples.synthesiser import SAMPLE_RATE, wav_of


def heard(notes: list[Note], steps: int) -> np.ndarray:
    with wave.open(io.BytesIO(wav_of(notes, steps))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_767


def loudest_frequency(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(power.argmax()) * SAMPLE_RATE / len(sound)


@pytest.mark.parametrize(("pitch", "frequency"), [(69, 440.0), (57, 220.0), (60, 261.63)])
def test_a_note_has_its_frequency_from_when_it_begins_until_it_ends(pitch: int, frequency: float) -> None:
    sound = heard([Note(4, 4, pitch)], 12)
    step = round(STEP_SECONDS * SAMPLE_RATE)
    assert len(sound) == pytest.approx(3.12 * SAMPLE_RATE, abs=1)
    assert not sound[: 4 * step - 4].any()
    assert not sound[9 * step :].any()
    assert loudest_frequency(sound[4 * step : 8 * step]) == pytest.approx(frequency, abs=1.5)


def test_a_chord_holds_its_notes_and_nothing_is_clipped() -> None:
    sound = heard([Note(0, 8, pitch) for pitch in (60, 64, 67, 108)], 8)
    assert np.abs(sound).max() == pytest.approx(0.8, abs=1e-3)
    power = np.abs(np.fft.rfft(sound))
    for pitch in (60, 64, 67, 108):
        place = round(440 * 2 ** ((pitch - 69) / 12) * len(sound) / SAMPLE_RATE)
        assert power[place - 3 : place + 4].max() > 20 * np.median(power)


def test_silence_is_silent() -> None:
    assert not heard([], 4).any()
