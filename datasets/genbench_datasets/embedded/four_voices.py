"""Phrases in four voices from a grammar, as piano rolls, and their exact probability."""

from __future__ import annotations

import math
import random
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genbench import Dataset, DataSpec, Split
from genbench_datasets.embedded.four_voices_grammar import (
    BEATS,
    CHORDS,
    KEYS,
    Voicing,
    chord_weights,
    ornaments,
    phrase,
    voicing_weights,
    voicings,
)
from genbench_datasets.piano_roll import KEYS as PIANO_KEYS
from genbench_datasets.piano_roll import LOWEST_KEY

_SPEC = DataSpec(name="four-voices", modality="pianoroll", event_shape=(2 * BEATS, PIANO_KEYS), levels=2)
_SIZES = (2000, 500, 500)
# `random.random` returns whole multiples of 2^-53, and is the part of that module that stays the same.
_BITS = 53


class FourVoices:
    """The distribution of the grammar's phrases over piano rolls (16, 88).

    Voices never cross and never meet, so that a roll shows what each voice sings. Key and chords are hidden: the
    probability of a roll is summed over them, by the forward algorithm for each key.
    """

    modes: Tensor | None = None
    mode_scale: float | None = None

    def log_prob(self, x: Int[Tensor, "n time keys"]) -> Float[Tensor, " n"]:
        """(N, 16, 88) -> (N,) nats, float64; -inf for a roll that the grammar does not make."""
        return torch.tensor(
            [_log_prob(roll) for roll in x.cpu().numpy()], dtype=torch.float64, device=x.device
        )

    def sample(self, count: int, generator: torch.Generator) -> Int[Tensor, "count time keys"]:
        """(count, 16, 88) int64."""
        seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
        rolls = torch.from_numpy(rolls_from_seed(int(seed), count))
        return rolls.long().to(generator.device)


def four_voices_truth() -> FourVoices:
    return FourVoices()


def four_voices() -> Dataset:
    """Splits of independent phrases, with seeds 0, 1 and 2."""
    truth = four_voices_truth()
    train, valid, test = (
        Split(_SPEC, truth.sample(size, torch.Generator().manual_seed(seed)).to(torch.uint8))
        for seed, size in enumerate(_SIZES)
    )
    return Dataset(_SPEC, train, valid, test, truth)


def rolls_from_seed(seed: int, count: int) -> np.ndarray:
    """`count` phrases, (count, 16, 88) uint8; the same on every machine."""
    numbers = random.Random(seed)

    def draw(below: int) -> int:
        return int(numbers.random() * 2**_BITS) * below >> _BITS

    rolls = np.zeros((count, *_SPEC.event_shape), np.uint8)
    for roll in rolls:
        for step, sung in zip(roll, phrase(draw), strict=True):
            step[np.array(sung) - LOWEST_KEY] = 1
    return rolls


def _log_prob(roll: Int[np.ndarray, "time keys"]) -> float:
    if (roll > 1).any() or (roll.sum(1) != 4).any():
        return -math.inf
    pitches = (np.nonzero(roll)[1].reshape(-1, 4) + LOWEST_KEY).tolist()
    sung: list[Voicing] = [(bass, tenor, alto, soprano) for bass, tenor, alto, soprano in pitches]
    total = sum(_probability_in_key(key, sung[::2], sung[1::2]) for key in range(KEYS))
    return math.log(total / KEYS) if total else -math.inf


def _probability_in_key(key: int, beats: list[Voicing], between: list[Voicing]) -> float:
    """The probability of a phrase given its key, summed over chords."""
    if between[-1] != beats[-1]:
        return 0.0
    forward = dict[int | None, float]({None: 1.0})
    for beat, here in enumerate(beats):
        before = beats[beat - 1] if beat else None
        now: dict[int | None, float] = {}
        for chord in range(len(CHORDS)):
            from_before = sum(
                probability * _share(chord_weights(beat, last), chord)
                for last, probability in forward.items()
            )
            if from_before:
                now[chord] = from_before * _voicing_probability(key, chord, beat == BEATS - 1, before, here)
        forward = now
    total = sum(forward.values())
    for here, off_beat, there in zip(beats, between, beats[1:], strict=False):
        if not total:
            return 0.0
        weights = ornaments(key, here, there)
        total *= weights.get(off_beat, 0) / sum(weights.values())
    return total


@cache
def _voicing_probability(key: int, chord: int, is_last: bool, before: Voicing | None, here: Voicing) -> float:
    known = voicings(key, chord, is_last=is_last)
    place = known.places.get(here)
    if place is None:
        return 0.0
    weights = voicing_weights(known, before)
    return int(weights[place]) / int(weights.sum())


def _share(weights: tuple[int, ...], chosen: int) -> float:
    return weights[chosen] / sum(weights)
