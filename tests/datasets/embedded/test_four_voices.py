"""The grammar of four voices keeps its rules, and its probabilities are those of its draws."""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import numpy as np
import pytest
import torch

from genbench import Truth
from genbench.datasets.prepared import load_dataset
from genbench.metrics.sample_density.fit import fit_sample_density
from genbench_datasets.embedded import four_voices_grammar as grammar
from genbench_datasets.embedded.cards import MUSIC
from genbench_datasets.embedded.four_voices import four_voices_truth, rolls_from_seed
from genbench_datasets.piano_roll import LOWEST_KEY
from genbench_models.baselines.marginals import Marginals

(CARD,) = MUSIC


def _phrases(count: int) -> list[list[grammar.Voicing]]:
    numbers = random.Random(7)
    return [grammar.phrase(lambda below: int(numbers.random() * below)) for _ in range(count)]


def _by_every_sequence_of_chords(sung: list[grammar.Voicing]) -> Fraction:
    """The probability of a phrase in exact fractions: the sum over keys and over all sequences of chords."""
    beats, between = sung[::2], sung[1::2]
    total = Fraction(0)
    for key in range(grammar.KEYS):
        possible = [
            [
                chord
                for chord in range(len(grammar.CHORDS))
                if here in grammar.voicings(key, chord, is_last=beat == grammar.BEATS - 1).places
            ]
            for beat, here in enumerate(beats)
        ]
        for chords in itertools.product(*possible):
            product = Fraction(1, grammar.KEYS)
            for beat, chord in enumerate(chords):
                follows = grammar.chord_weights(beat, chords[beat - 1] if beat else None)
                known = grammar.voicings(key, chord, is_last=beat == grammar.BEATS - 1)
                weights = grammar.voicing_weights(known, beats[beat - 1] if beat else None)
                product *= Fraction(follows[chord], sum(follows))
                product *= Fraction(int(weights[known.places[beats[beat]]]), int(weights.sum()))
            for here, off_beat, there in zip(beats, between, beats[1:], strict=False):
                weights_between = grammar.ornaments(key, here, there)
                product *= Fraction(weights_between.get(off_beat, 0), sum(weights_between.values()))
            total += product
    return total


def test_probability_is_the_sum_over_keys_and_chords() -> None:
    rolls = rolls_from_seed(11, 8)
    ours = four_voices_truth().log_prob(torch.from_numpy(rolls).long())
    for roll, log_p in zip(rolls, ours.tolist(), strict=True):
        sung = [tuple((np.nonzero(step)[0] + LOWEST_KEY).tolist()) for step in roll]
        assert log_p == pytest.approx(math.log(_by_every_sequence_of_chords(sung)), rel=1e-12)


def test_a_choice_has_the_probability_of_its_weight() -> None:
    weights = [2, 0, 3, 1]
    chosen = [grammar._chosen(weights, lambda below, at=at: at) for at in range(sum(weights))]
    assert chosen == [0, 0, 2, 2, 2, 3]


def test_between_beats_a_third_is_filled_and_a_repeated_note_touches_its_neighbour() -> None:
    in_c = 0
    here, there = (48, 55, 60, 64), (48, 55, 64, 67)
    held, tenor_touches, alto_passes, soprano_passes = (
        here,
        (48, 57, 60, 64),
        (48, 55, 62, 64),
        (48, 55, 60, 65),
    )
    expected = {held: 4, tenor_touches: 1, alto_passes: 3, soprano_passes: 3}
    assert grammar.ornaments(in_c, here, there) == expected
    # the bass leaps, the alto and the soprano move by a second
    dominant, tonic = (43, 55, 59, 62), (48, 55, 60, 64)
    assert grammar.ornaments(in_c, dominant, tonic) == {dominant: 4, (43, 57, 59, 62): 1}


def test_every_weight_can_be_drawn() -> None:
    """No chord is a dead end, and every voicing has others that may follow."""
    for beat in range(1, grammar.BEATS):
        for before in range(len(grammar.CHORDS)):
            assert sum(grammar.chord_weights(beat, before)) > 0
    for key, chord, is_last in itertools.product(range(grammar.KEYS), range(6), (False, True)):
        known = grammar.voicings(key, chord, is_last=is_last)
        assert len(known.weights) >= 5
        assert (grammar.voicing_weights(known, (48, 55, 60, 64)) > 0).all()


def test_voices_stay_in_their_ranges_and_never_cross() -> None:
    for sung in _phrases(100):
        for step in sung:
            assert list(step) == sorted(set(step))
        for bass, tenor, alto, soprano in sung[::2]:
            assert 40 <= bass <= 60
            assert 48 <= tenor <= 67
            assert 55 <= alto <= 74
            assert 60 <= soprano <= 79
            assert max(soprano - alto, alto - tenor) <= 12
            assert tenor - bass <= 19


def test_what_the_grammar_does_not_make_has_probability_0() -> None:
    truth = four_voices_truth()
    rolls = torch.from_numpy(rolls_from_seed(0, 5)).long()
    assert truth.log_prob(rolls).isfinite().all()
    three_voices, backwards, last_chord_changes = rolls.clone(), rolls.flip(1), rolls.clone()
    three_voices[:, 3] = torch.where(rolls[:, 3].cumsum(1) == 1, 0, rolls[:, 3])
    last_chord_changes[:, -1] = rolls[:, 0].roll(1, 1)
    for wrong in (three_voices, backwards, last_chord_changes, rolls.roll(40, 2), torch.zeros_like(rolls)):
        assert (truth.log_prob(wrong) == -math.inf).all()


def test_truth_is_a_truth_and_its_samples_follow_the_generator() -> None:
    truth = four_voices_truth()
    assert isinstance(truth, Truth)
    one, again, other = (truth.sample(3, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert one.dtype == torch.int64


def test_held_out_phrases_rank_above_the_marginals_by_more_than_two_errors() -> None:
    dataset = load_dataset(CARD)
    train, test = dataset.train, dataset.test.tensor()
    marginals = Marginals(dataset.spec)
    marginals._count(train.x.flatten(1).T)
    of_marginals = marginals.sample(len(test), torch.Generator().manual_seed(0))
    real = train.random_subset(len(test), seed=0).tensor()
    ours, theirs = (
        -fit_sample_density(samples, real, dataset.spec).log_prob(test)
        for samples in (dataset.valid.tensor(), of_marginals)
    )
    error = float((ours - theirs).std()) / math.sqrt(len(test))
    assert float(theirs.mean() - ours.mean()) > 2 * error
    assert float(marginals.log_prob(test).mean()) < float(four_voices_truth().log_prob(test).mean())
