"""The metrics of music tell real phrases from phrases whose parts are shuffled."""

from __future__ import annotations

import torch
from torch import Tensor

from genbench.api.data import Split
from genbench.api.spec import DataSpec
from genbench.features import Extractor
from genbench.metrics.music.statistics import score_music
from genbench.metrics.scoring import ScoringInputs
from genbench.records.result import MetricValue


def phrases(count: int, seed: int) -> Tensor:
    """Two voices on 24 keys, eight steps: each note is held for two steps, the upper voice a third above the lower."""
    generator = torch.Generator().manual_seed(seed)
    moves = torch.randint(-1, 2, (count, 4), generator=generator) * 2
    lower = (8 + moves.cumsum(1)).repeat_interleave(2, 1)
    rolls = torch.zeros(count, 8, 24, dtype=torch.int64)
    for voice in (lower, lower + 4):
        rolls.scatter_(2, voice.unsqueeze(2), 1)
    return rolls


def scored(samples: Tensor, reference: Tensor) -> dict[str, MetricValue]:
    spec = DataSpec(name="toy", modality="pianoroll", event_shape=(8, 24), levels=2)
    train = Split(spec, reference.to(torch.uint8))
    extractor = Extractor(name="none", hash="0", compute=lambda x: x.flatten(1).float())
    inputs = ScoringInputs(spec=spec, samples=samples, reference=reference, train=train, extractor=extractor)
    return {value.name: value for value in score_music(inputs)}


def test_other_phrases_of_the_same_kind_are_close_and_shuffled_steps_are_not() -> None:
    real, same = phrases(400, 0), phrases(400, 1)
    order = torch.rand(400, 8, generator=torch.Generator().manual_seed(2)).argsort(1)
    shuffled = same.gather(1, order.unsqueeze(2).expand_as(same))
    ours, theirs = scored(same, real), scored(shuffled, real)
    for name in ("interval_distance", "duration_distance", "onset_distance"):
        alike, unlike = ours[name], theirs[name]
        assert alike.value is not None
        assert unlike.value is not None
        assert alike.stderr is not None
        assert alike.value < 0.1
        assert unlike.value > alike.value + 4 * alike.stderr
    # what sounds together is as it was
    assert theirs["polyphony_distance"].value == ours["polyphony_distance"].value == 0
    assert (ours["chord_precision"].value or 0) > (theirs["chord_precision"].value or 0)
    assert ours["voice_crossings"].value == ours["voice_crossings"].real == 0
    assert abs((ours["repetition"].value or 0) - (ours["repetition"].real or 0)) < 0.1


def test_silence_has_notes_that_say_so() -> None:
    found = scored(torch.zeros(5, 8, 24, dtype=torch.int64), phrases(5, 0))
    assert found["pitch_class_distance"].note == "no notes in the samples"
    assert found["chord_recall"].note == "no changes of chord in the samples"
    assert found["voice_crossings"].note == "no moves of voices in the samples"
    assert found["polyphony_distance"].value == 1
