"""A grammar of four voices: which chords follow each other, how four voices sing them, and what lies between beats.

The rules are those of a first course in harmony (Rameau 1722, "Traité de l'harmonie"; Piston 1941, "Harmony"), written
as integer weights. A phrase has a key, and eight beats with a chord each, the last two a cadence. Each chord is sung by
bass, tenor, alto and soprano within their ranges, with small steps from the chord before it preferred and parallel
fifths and octaves all but avoided. Between two beats, at most one voice passes through the step between them or touches
its upper neighbour.

All weights are integers, and a draw is a whole number below their sum: a seed gives the same phrases everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
from jaxtyping import Int

BEATS = 8
"""Chords of a phrase."""
Voicing = tuple[int, int, int, int]
"""MIDI pitches of bass, tenor, alto and soprano, in strictly rising order."""
Draw = Callable[[int], int]
"""From a positive count to a whole number below it, each with the same probability."""

_MAJOR, _HARMONIC_MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)
# Tonics as pitch classes, C = 0: C, G, F and D major; A, E, D and G minor.
_KEYS = tuple((tonic, _MAJOR) for tonic in (0, 7, 5, 2)) + tuple(
    (tonic, _HARMONIC_MINOR) for tonic in (9, 4, 2, 7)
)
KEYS = len(_KEYS)
"""How many keys there are, all equally probable."""

CHORDS = ("I", "ii", "IV", "V", "V7", "vi")
"""Chords by their function."""
# Degrees of the scale in each chord, counted from 0: root, third, fifth and, in V7, seventh.
_DEGREES = ((0, 2, 4), (1, 3, 5), (3, 5, 0), (4, 6, 1), (4, 6, 1, 3), (5, 0, 2))

# Weights of the chord (column) after a chord (row), in the order of CHORDS. A dominant does not go back to IV or ii.
_FIRST = (6, 0, 0, 1, 0, 1)
_INSIDE = (
    (1, 3, 4, 4, 1, 3),
    (0, 1, 1, 5, 4, 0),
    (3, 2, 1, 4, 2, 0),
    (6, 0, 0, 1, 2, 2),
    (5, 0, 0, 0, 1, 1),
    (1, 4, 4, 2, 0, 1),
)
# To the last chord but one, which prepares the cadence.
_BEFORE_LAST = (
    (0, 1, 2, 4, 4, 0),
    (0, 0, 0, 4, 4, 0),
    (0, 1, 1, 4, 3, 0),
    (0, 0, 0, 1, 3, 0),
    (0, 0, 0, 0, 1, 0),
    (0, 3, 3, 2, 1, 0),
)
# To the last chord: authentic (V I), deceptive (V vi), plagal (IV I) and half (IV V, ii V) cadences.
_LAST = (
    (1, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 0, 0),
    (3, 0, 0, 2, 0, 0),
    (5, 0, 0, 0, 0, 1),
    (5, 0, 0, 0, 0, 1),
    (0, 0, 0, 1, 0, 0),
)

# Lowest and highest pitch of bass, tenor, alto and soprano: E2 to C4, C3 to G4, G3 to D5, C4 to G5.
_RANGES = ((40, 60), (48, 67), (55, 74), (60, 79))
# The widest interval to the next higher voice, in semitones.
_WIDEST = (19, 12, 12)
_ROOT_IN_BASS, _THIRD_IN_BASS = 4, 1
# The weight of a voicing falls with the cube of how far the voices move, and is 1 where they move farther than this.
_FARTHEST, _PARALLEL_DIVISOR = 24, 200

_NOTHING, _PASSING, _NEIGHBOUR = 4, 3, 1


@dataclass(frozen=True)
class Voicings:
    """How a chord can be sung."""

    pitches: Int[np.ndarray, "count 4"]
    """MIDI pitches of bass, tenor, alto and soprano, (V, 4) int64."""
    weights: Int[np.ndarray, " count"]
    """Weights by the bass note, (V,) int64."""
    places: dict[Voicing, int]
    """The row of each voicing."""


def chord_weights(beat: int, before: int | None) -> tuple[int, ...]:
    """Weights of the chords on a beat. before: the chord on the beat before it; None for the first beat."""
    if before is None:
        return _FIRST
    table = {BEATS - 2: _BEFORE_LAST, BEATS - 1: _LAST}.get(beat, _INSIDE)
    return table[before]


def voicings(key: int, chord: int, *, is_last: bool) -> Voicings:
    """All voicings of a chord. The last chord of a phrase has its root in the bass, and its soprano does not sing the
    fifth."""
    tonic, scale = _KEYS[key]
    return _voicings_of(tuple((tonic + scale[degree]) % 12 for degree in _DEGREES[chord]), is_last)


@cache
def _voicings_of(classes: tuple[int, ...], is_last: bool) -> Voicings:
    basses = (
        {classes[0]: _ROOT_IN_BASS} if is_last else {classes[0]: _ROOT_IN_BASS, classes[1]: _THIRD_IN_BASS}
    )
    sung = [[p for p in range(low, high + 1) if p % 12 in classes] for low, high in _RANGES]
    found: dict[Voicing, int] = {}
    for bass in sung[0]:
        if bass % 12 not in basses:
            continue
        for tenor in (p for p in sung[1] if 0 < p - bass <= _WIDEST[0]):
            for alto in (p for p in sung[2] if 0 < p - tenor <= _WIDEST[1]):
                for soprano in (p for p in sung[3] if 0 < p - alto <= _WIDEST[2]):
                    is_complete = {p % 12 for p in (bass, tenor, alto, soprano)} == set(classes)
                    if is_complete and not (is_last and soprano % 12 == classes[2]):
                        found[bass, tenor, alto, soprano] = basses[bass % 12]
    return Voicings(
        np.array(list(found), np.int64),
        np.array(list(found.values()), np.int64),
        {voicing: place for place, voicing in enumerate(found)},
    )


def voicing_weights(known: Voicings, before: Voicing | None) -> Int[np.ndarray, " count"]:
    """Weights of the voicings of a chord after another voicing; None for the first beat."""
    if before is None:
        return known.weights
    moves = known.pitches - np.array(before, np.int64)  # V, 4
    far = np.abs(moves[:, 1:]).sum(1) + np.abs(moves[:, 0]) // 2
    weights = np.maximum(_FARTHEST - far, 1) ** 3
    weights = np.where(
        _has_parallels(known.pitches, moves), np.maximum(weights // _PARALLEL_DIVISOR, 1), weights
    )
    total: Int[np.ndarray, " count"] = weights * known.weights
    return total


def _has_parallels(pitches: Int[np.ndarray, "count 4"], moves: Int[np.ndarray, "count 4"]) -> np.ndarray:
    """Whether two voices keep a fifth or an octave while they move."""
    found = np.zeros(len(pitches), bool)
    for low in range(4):
        for high in range(low + 1, 4):
            interval = (pitches[:, high] - pitches[:, low]) % 12
            moves_along = (moves[:, low] == moves[:, high]) & (moves[:, low] != 0)
            found |= moves_along & ((interval == 0) | (interval == 7))
    return found


def ornaments(key: int, here: Voicing, there: Voicing) -> dict[Voicing, int]:
    """What may sound between two beats, with weights: the chord held, or one voice on the step that lies between its
    two pitches (a third apart), or on the step above a pitch that it sings twice."""
    found = {here: _NOTHING}
    for voice in range(4):
        step = there[voice] - here[voice]
        if step == 0 and voice:
            pitch, weight = _next_step(key, here[voice], 1), _NEIGHBOUR
        elif abs(step) in (3, 4):
            pitch, weight = _next_step(key, here[voice], 1 if step > 0 else -1), _PASSING
        else:
            continue
        low, high = min(here[voice], there[voice]), max(here[voice], there[voice])
        sung = (*here[:voice], pitch, *here[voice + 1 :])
        if (step == 0 or low < pitch < high) and all(a < b for a, b in pairwise(sung)):
            found[sung[0], sung[1], sung[2], sung[3]] = weight
    return found


def _next_step(key: int, pitch: int, direction: int) -> int:
    """The next pitch of the scale above (1) or below (-1)."""
    tonic, scale = _KEYS[key]
    pitch += direction
    while (pitch - tonic) % 12 not in scale:
        pitch += direction
    return pitch


def phrase(draw: Draw) -> list[Voicing]:
    """What sounds on each beat and after it, in turn: 2 BEATS voicings."""
    key = draw(KEYS)
    sung: list[Voicing] = []
    chord: int | None = None
    for beat in range(BEATS):
        chord = _chosen(chord_weights(beat, chord), draw)
        known = voicings(key, chord, is_last=beat == BEATS - 1)
        weights = voicing_weights(known, sung[-1] if sung else None)
        bass, tenor, alto, soprano = known.pitches[_chosen(weights.tolist(), draw)].tolist()
        sung.append((bass, tenor, alto, soprano))
    steps: list[Voicing] = []
    for here, there in pairwise(sung):
        between = ornaments(key, here, there)
        steps += [here, list(between)[_chosen(list(between.values()), draw)]]
    return [*steps, sung[-1], sung[-1]]


def _chosen(weights: Sequence[int], draw: Draw) -> int:
    totals = list(accumulate(weights))
    return bisect_right(totals, draw(totals[-1]))
