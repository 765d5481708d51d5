"""Notes, chords and voices of piano rolls, as occurrences that are counted.

A roll shows which keys sound in a step. A key that sounds in steps one after the other is one note, since a roll does
not show whether it was struck again; a note that sounds in the first step begins there, and one that sounds in the last
step ends there.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genbench.metrics.numerics.grams import Grams

MAX_COUNT = 12
"""Larger numbers of notes per step count as this many."""
MAX_INTERVAL = 12
"""Larger intervals, in semitones, count as this large."""
# MIDI's number of the first key, by the number of keys of a roll; the 88 keys of a piano begin at A0.
_LOWEST_KEY = {88: 21, 128: 0}


def pitch_classes(roll: Int[Tensor, "n time keys"]) -> Grams:
    """The pitch class of each note, C = 0."""
    example, _, key = onsets(roll).nonzero(as_tuple=True)
    return Grams((key + _lowest_key(roll.shape[2])) % 12, example, len(roll))


def durations(roll: Int[Tensor, "n time keys"]) -> Grams:
    """The length of each note, in steps."""
    sounding = (roll > 0).long()
    left = torch.zeros_like(sounding)  # how many more steps each key sounds, this one included
    left[:, -1] = sounding[:, -1]
    for step in range(roll.shape[1] - 2, -1, -1):
        left[:, step] = sounding[:, step] * (left[:, step + 1] + 1)
    begins = onsets(roll)
    return Grams(left[begins], begins.nonzero(as_tuple=True)[0], len(roll))


def onset_counts(roll: Int[Tensor, "n time keys"]) -> Grams:
    """How many notes begin in each step."""
    return _of_steps(onsets(roll).sum(2))


def polyphony(roll: Int[Tensor, "n time keys"]) -> Grams:
    """How many notes sound in each step."""
    return _of_steps((roll > 0).sum(2))


def outer_intervals(roll: Int[Tensor, "n time keys"]) -> Grams:
    """How far the highest and the lowest note move from one step to the next, in semitones, where they do move: -12 to
    12 for the highest is 0 to 24, and for the lowest 25 to 49."""
    keys = roll.shape[2]
    sounding = roll > 0
    place = torch.arange(keys)
    is_any = sounding.any(2)
    highest = torch.where(sounding, place, -1).amax(2)
    lowest = torch.where(sounding, place, keys).amin(2)
    ids, owners = [], []
    for number, note in enumerate((highest, lowest)):
        move = note[:, 1:] - note[:, :-1]
        moves = (move != 0) & is_any[:, 1:] & is_any[:, :-1]
        interval = move[moves].clamp(-MAX_INTERVAL, MAX_INTERVAL) + MAX_INTERVAL
        ids.append(interval + number * (2 * MAX_INTERVAL + 1))
        owners.append(moves.nonzero(as_tuple=True)[0])
    return Grams(torch.cat(ids), torch.cat(owners), len(roll))


def chord_changes(roll: Int[Tensor, "n time keys"]) -> Grams:
    """Pairs of unequal sets of pitch classes in successive steps. A silent step has the empty set."""
    lowest = _lowest_key(roll.shape[2])
    sets = torch.zeros(roll.shape[:2], dtype=torch.int64)
    for pitch_class in range(12):
        keys = (torch.arange(roll.shape[2]) + lowest) % 12 == pitch_class
        sets += (roll[:, :, keys] > 0).any(2).long() << pitch_class
    changes = sets[:, 1:] != sets[:, :-1]
    pairs = (sets[:, :-1] << 12) + sets[:, 1:]
    return Grams(pairs[changes], changes.nonzero(as_tuple=True)[0], len(roll))


def overlaps(roll: Int[Tensor, "n time keys"]) -> tuple[Bool[Tensor, "n moves"], Bool[Tensor, "n moves"]]:
    """For each two successive steps, whether voices overlap, and whether they can: the steps differ and have equally
    many notes, at least two. Voices, counted from the lowest note, overlap if one moves beyond where its neighbour
    was."""
    sounding = roll > 0
    count = sounding.sum(2)
    voices = int(count.max()) if count.numel() else 0
    keys = roll.shape[2]
    # the keys that sound, lowest first, and then keys that are too high to exist
    place = torch.where(sounding, torch.arange(keys), keys).sort(dim=2).values[:, :, : max(voices, 1)]
    here, there = place[:, :-1], place[:, 1:]
    is_able = (count[:, 1:] == count[:, :-1]) & (count[:, 1:] > 1) & (here != there).any(2)
    pairs = torch.arange(1, max(voices, 1)) < count[:, 1:, None]  # neighbours that both exist
    up = (there[:, :, :-1] > here[:, :, 1:]) & pairs
    down = (there[:, :, 1:] < here[:, :, :-1]) & pairs
    return (up | down).any(2) & is_able, is_able


def repeats(roll: Int[Tensor, "n time keys"]) -> tuple[Bool[Tensor, "n moves"], Bool[Tensor, "n moves"]]:
    """For each step after the first, whether it sounds like an earlier one, and whether it counts: it differs from the
    step before it and is not silent."""
    sounding = (roll > 0).float()
    same = torch.cdist(sounding, sounding, p=1) < 0.5  # N, T, T
    counts = ~torch.diagonal(same, offset=1, dim1=1, dim2=2) & sounding[:, 1:].any(2)
    earlier = same.tril(-1).any(2)[:, 1:]
    return earlier & counts, counts


def onsets(roll: Int[Tensor, "n time keys"]) -> Bool[Tensor, "n time keys"]:
    """Where notes begin."""
    sounding = roll > 0
    before = torch.zeros_like(sounding)
    before[:, 1:] = sounding[:, :-1]
    return sounding & ~before


def _of_steps(count: Int[Tensor, "n time"]) -> Grams:
    owners = torch.arange(len(count)).repeat_interleave(count.shape[1])
    return Grams(count.clamp(max=MAX_COUNT).flatten(), owners, len(count))


def _lowest_key(keys: int) -> int:
    return _LOWEST_KEY.get(keys, max(0, 60 - keys // 2))
