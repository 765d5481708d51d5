"""Notes, chords and voices of small rolls that were written down by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench.metrics.music.notes import (
    chord_changes,
    durations,
    onset_counts,
    onsets,
    outer_intervals,
    overlaps,
    pitch_classes,
    polyphony,
    repeats,
)

A0 = 21


def roll(*steps: tuple[int, ...]) -> Tensor:
    """MIDI pitches of each step to (1, steps, 88)."""
    found = torch.zeros(1, len(steps), 88, dtype=torch.int64)
    for step, pitches in enumerate(steps):
        for pitch in pitches:
            found[0, step, pitch - A0] = 1
    return found


# C E G, C held while E and G become F and A, silence, C E G again
EXAMPLE = roll((60, 64, 67), (60, 65, 69), (), (60, 64, 67))


def test_notes() -> None:
    assert onsets(EXAMPLE)[0].sum(1).tolist() == [3, 2, 0, 3]
    assert sorted(durations(EXAMPLE).ids.tolist()) == [1, 1, 1, 1, 1, 1, 1, 2]
    assert sorted(pitch_classes(EXAMPLE).ids.tolist()) == [0, 0, 4, 4, 5, 7, 7, 9]
    assert onset_counts(EXAMPLE).ids.tolist() == [3, 2, 0, 3]
    assert polyphony(EXAMPLE).ids.tolist() == [3, 3, 0, 3]


def test_pitch_classes_of_rolls_of_128_keys_begin_at_c() -> None:
    found = torch.zeros(1, 1, 128, dtype=torch.int64)
    found[0, 0, 60] = 1
    assert pitch_classes(found).ids.tolist() == [0]


def test_intervals_of_the_highest_and_the_lowest_note() -> None:
    moves = roll((60, 67), (60, 69), (58, 69), (58,), (), (80,))
    # the highest: up 2, then stays, then down 11; the lowest: stays, down 2, stays; nothing across silence
    assert sorted(outer_intervals(moves).ids.tolist()) == [1, 14, 25 + 10]
    far = roll((40,), (80,))
    assert sorted(outer_intervals(far).ids.tolist()) == [24, 49]


def test_chord_changes_are_pairs_of_sets_of_pitch_classes() -> None:
    c_major, f_major = 1 | 1 << 4 | 1 << 7, 1 | 1 << 5 | 1 << 9
    silence = 0
    pairs = [(c_major, f_major), (f_major, silence), (silence, c_major)]
    assert chord_changes(EXAMPLE).ids.tolist() == [(a << 12) + b for a, b in pairs]
    octave_higher = roll((60, 64, 67), (72, 76, 79))
    assert len(chord_changes(octave_higher)) == 0


def test_voices_overlap_where_one_moves_beyond_its_neighbour() -> None:
    steps = roll((50, 60, 70), (61, 62, 70), (61, 62, 70), (50, 55, 60), (50, 55), (56, 57), (56, 56 + 12))
    overlapping, able = overlaps(steps)
    # both lower voices leap over 60; held; both upper voices fall below 62; fewer notes; both leap over 55; apart
    assert able[0].tolist() == [True, False, True, False, True, True]
    assert overlapping[0].tolist() == [True, False, True, False, True, False]


def test_one_voice_or_none_cannot_overlap() -> None:
    for steps in (roll((60,), (72,)), roll((), ())):
        assert not overlaps(steps)[1].any()


def test_repeats_are_steps_that_come_back() -> None:
    again, counts = repeats(EXAMPLE)
    assert counts[0].tolist() == [True, False, True]  # silence does not count
    assert again[0].tolist() == [False, False, True]
    held = roll((60,), (60,), (62,), (60,))
    again, counts = repeats(held)
    assert counts[0].tolist() == [False, True, True]
    assert again[0].tolist() == [False, False, True]


def test_every_occurrence_knows_its_example() -> None:
    two = torch.cat([EXAMPLE, roll((60,), (60,), (60,), (62,))])
    for count, of_second in (
        (durations, [3, 1]),
        (pitch_classes, [0, 2]),
        (onset_counts, [1, 0, 0, 1]),
        (outer_intervals, [14, 25 + 14]),
    ):
        found = count(two)
        assert found.examples == 2
        assert found.ids[found.owners == 1].tolist() == of_second
