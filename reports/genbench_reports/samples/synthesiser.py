"""A small synthesiser: the notes of a piece as the samples of a WAV file, so that it can be heard without any other
program. A note is a sum of harmonics that fade, the higher ones sooner, as those of a struck string do."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from genbench_reports.samples.piano_rolls import STEP_SECONDS, Note

SAMPLE_RATE = 22_050
"""Samples per second, of one channel and 16 bits."""
_HARMONICS = 6
_FADE_PER_SECOND = 1.5
"""The h-th harmonic falls by the factor exp(-1.5 h) per second."""
_ATTACK_SECONDS, _RELEASE_SECONDS = 0.008, 0.12
_PEAK = 0.8


def wav_of(notes: Sequence[Note], steps: int) -> bytes:
    """A WAV file of the notes, `steps` steps long and the release of the last notes longer, at the tempo of the
    player."""
    length = round((steps * STEP_SECONDS + _RELEASE_SECONDS) * SAMPLE_RATE)
    sound = np.zeros(length)
    for note in notes:
        start = round(note.start * STEP_SECONDS * SAMPLE_RATE)
        tone = _tone(note)[: length - start]
        sound[start : start + len(tone)] += tone
    loudest = float(np.abs(sound).max(initial=0.0))
    if loudest > 0:
        sound *= _PEAK / loudest
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((sound * 32_767).round().astype("<i2").tobytes())
    return buffer.getvalue()


def _tone(note: Note) -> Float[np.ndarray, " samples"]:
    """One note with its release, its first sample at the time at which it begins."""
    held = note.length * STEP_SECONDS
    at = np.arange(round((held + _RELEASE_SECONDS) * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = 440.0 * 2 ** ((note.pitch - 69) / 12)
    tone = np.zeros(len(at))
    for harmonic in range(1, _HARMONICS + 1):
        if harmonic * frequency < SAMPLE_RATE / 2:  # a higher one would sound as a lower one
            fade = np.exp(-harmonic * _FADE_PER_SECOND * at)
            tone += fade * np.sin(2 * np.pi * harmonic * frequency * at) / harmonic**1.5
    rise = np.minimum(at / _ATTACK_SECONDS, 1.0)
    fall = np.clip((held + _RELEASE_SECONDS - at) / _RELEASE_SECONDS, 0.0, 1.0)
    shaped: Float[np.ndarray, " samples"] = tone * rise * fall
    return shaped
